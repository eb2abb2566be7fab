#pragma once
// Smallest and largest value of an image, or of its part inside a mask; NaN is left out. One pass.
#include "core/image.hpp"

namespace cormack {

struct MinMax {
  double low, high;  // +infinity and -infinity where there is no value
  bool has_nan;
};

namespace cpu {
MinMax minmax(const Image& image, const Image* mask,
              Context context);  // mask: bool or uint8, the image's shape, or null
}
}  // namespace cormack
