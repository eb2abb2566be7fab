#include "segment/hysteresis_threshold.hpp"

#include <limits>

#include "core/check.hpp"
#include "segment/flood.hpp"

namespace cormack::cpu {

void hysteresis_threshold(const Image& weak, double low, const Image& strong, double high, const Image& out,
                          int connectivity, Context context) {
  check_one_shape("hysteresis_threshold", weak, strong);
  check_one_shape("hysteresis_threshold", weak, out);
  if (weak.size() == 0) return;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  BitImage allowed(weak.shape), seeds(weak.shape);
  threshold_bits(weak, low, infinity, nullptr, allowed, context.workers);
  threshold_bits(strong, high, infinity, nullptr, seeds, context.workers);
  Flood flood(allowed, connectivity);
  for (std::int64_t z = 0; z < weak.shape[0]; ++z) {
    for (std::int64_t y = 0; y < weak.shape[1]; ++y) {
      const std::int64_t first = seeds.index(z, y);
      for (std::int64_t w = first; w < first + seeds.words; ++w) {
        if (seeds.data()[w] != 0) flood.start(w, seeds.data()[w]);
      }
    }
  }
  flood.grow();
  expand_bits(flood.region(), out, context.workers);
}

}  // namespace cormack::cpu
