#include "segment/connected_threshold.hpp"

#include <optional>

#include "segment/erode_box.hpp"
#include "segment/flood.hpp"

namespace cormack::cpu {

void connected_threshold(const Image& image, const Image& out, const ConnectedThreshold& how, Context context) {
  if (image.size() == 0) return;
  std::optional<BitImage> inside;
  if (how.mask != nullptr) nonzero_bits(*how.mask, false, inside.emplace(image.shape), context.workers);
  BitImage allowed(image.shape);
  const bool whole_boxes = how.radius != std::array<std::int64_t, 3>{};
  // The mask says where the region may be, not which values count: it comes after the erosion.
  const BitImage* mask = inside && !whole_boxes ? &*inside : nullptr;
  threshold_bits_within(image, how.lower, how.upper, mask, allowed, context.workers);
  if (whole_boxes) {
    erode_box(allowed, how.radius, context.workers);
    if (inside) {
      for (std::int64_t i = 0; i < allowed.size; ++i) allowed.data()[i] &= inside->data()[i];
    }
  }
  if (how.take_seeds) {
    for (const std::array<std::int64_t, 3>& seed : how.seeds) {
      const BitImage::Place place = allowed.place(seed);
      allowed.data()[place.index] |= place.bit & (inside ? inside->data()[place.index] : place.bit);
    }
  }
  Flood flood(allowed, how.connectivity);
  flood.start(how.seeds);
  flood.grow();
  expand_bits(flood.region(), out, context.workers);
}

}  // namespace cormack::cpu
