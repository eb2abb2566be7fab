#pragma once
// dst = (src - center) / scale, any dtype to any dtype, in float64, rounded once. NaN stays NaN in a floating dst and
// becomes 0 in an integer one.
#include "core/image.hpp"

namespace cormack::cpu {

void standardize_map(const Image& src, const Image& dst, double center, double scale, Context context);

}  // namespace cormack::cpu
