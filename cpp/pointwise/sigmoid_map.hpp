#pragma once
// dst = low + (high - low) / (1 + exp(-4 (src - center) / width)): DICOM PS3.3 C.11.2.1.3.1, any dtype to any dtype.
// Float64 arithmetic with an exponential within 2 ulp, the same bits everywhere. NaN stays NaN in a floating dst and
// becomes `low` in an integer one.
#include "core/image.hpp"

namespace cormack {

struct SigmoidMap {
  double center, width;  // width > 0
  double low, high;
};

namespace cpu {
void sigmoid_map(const Image& src, const Image& dst, const SigmoidMap& map, Context context);
}
}  // namespace cormack
