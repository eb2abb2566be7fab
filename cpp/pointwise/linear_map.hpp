#pragma once
// dst = round_and_saturate(clamp(src, lower, upper) * scale + offset), any dtype to any dtype, one pass.
// Computed in float32 where both dtypes fit into it exactly (8 and 16 bit, float32), in float64 otherwise. NaN stays
// NaN in a floating dst and becomes the image of `lower` in an integer one.
#include "core/image.hpp"

namespace cormack {

struct LinearMap {
  double lower, upper;  // of src
  double scale, offset;
};

namespace cpu {
void linear_map(const Image& src, const Image& dst, const LinearMap& map, Context context);
}
}  // namespace cormack
