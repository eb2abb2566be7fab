#include "segment/connected_threshold.hpp"

#include "segment/flood.hpp"

namespace cormack::cpu {

void connected_threshold(const Image& image, const Image& out, const ConnectedThreshold& how, Context context) {
  if (image.size() == 0) return;
  BitImage allowed(image.shape);
  threshold_bits(image, how.lower, how.upper, how.mask, allowed, context.workers);
  Flood flood(allowed, how.connectivity);
  for (const std::array<std::int64_t, 3>& seed : how.seeds) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (seed[axis] < 0 || seed[axis] >= image.shape[axis])
        throw std::out_of_range("connected_threshold: a seed lies outside the image");
    }
    flood.start(allowed.index(seed[0], seed[1]) + seed[2] / 64, std::uint64_t{1} << seed[2] % 64);
  }
  flood.grow();
  expand_bits(flood.region(), out, context.workers);
}

}  // namespace cormack::cpu
