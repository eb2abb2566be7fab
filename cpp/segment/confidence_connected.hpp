#pragma once
// Region growing between mean +- multiplier * standard deviation of the region, as ITK's
// ConfidenceConnectedImageFilter: the first range comes from boxes around the seeds, each further one from the region
// that the range before gave. Sums over integers are exact. Time: that of a connected_threshold and a read of the
// region for each iteration; it ends early when the range no longer changes.
#include <span>

#include "core/image.hpp"

namespace cormack {

struct ConfidenceConnected {
  double multiplier = 2.5;
  std::int64_t iterations = 4;
  std::array<std::int64_t, 3> radius{1, 1, 1};           // of the boxes, (z, y, x); beyond the border its values repeat
  int connectivity = 1;                                  // how many coordinates may change in a step, 1 to 3
  const Image* mask = nullptr;                           // which pixels count; null: all
  std::span<const std::array<std::int64_t, 3>> seeds{};  // (z, y, x), inside the image
};

namespace cpu {
// out: bool, the shape of image.
void confidence_connected(const Image& image, const Image& out, const ConfidenceConnected& how, Context context);
}  // namespace cpu
}  // namespace cormack
