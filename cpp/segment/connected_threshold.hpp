#pragma once
// Region growing between two values, as ITK's ConnectedThresholdImageFilter: the pixels that a path of pixels with
// lower <= value <= upper joins to a seed that is such a pixel itself. Seeds outside the range grow nothing; NaN is
// outside. Comparisons are exact for every dtype. Time: one read of the image, one write of the result, and at most
// proportional to the region between; memory: half a byte a pixel.
#include <span>

#include "core/image.hpp"

namespace cormack {

struct ConnectedThreshold {
  double lower, upper;
  int connectivity = 1;                                  // how many coordinates may change in a step, 1 to 3
  const Image* mask = nullptr;                           // where the region may be; null: everywhere
  std::span<const std::array<std::int64_t, 3>> seeds{};  // (z, y, x), inside the image
  bool take_seeds = false;                               // seeds inside the mask belong to the region at any value
  // Pixels on each side, (z, y, x), whose values must all be in the range; what is beyond the image has any value.
  std::array<std::int64_t, 3> radius{};
};

namespace cpu {
// out: bool, the shape of image.
void connected_threshold(const Image& image, const Image& out, const ConnectedThreshold& how, Context context);
}  // namespace cpu
}  // namespace cormack
