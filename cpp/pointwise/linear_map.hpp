#pragma once
// Windows and rescaling: [lower, upper] linearly onto [low, high], clamped to it, any dtype to any dtype, one pass.
// The result is that of float64 arithmetic rounded once; integers round half to even and saturate. 8 and 16 bit
// integers run in float32 where that was proven to give the same for every possible value, else through a table. NaN
// stays NaN in a floating dst and becomes `low` in an integer one. Where lower == upper, values up to it become `low`,
// others `high`.
#include "core/image.hpp"

namespace cormack {

struct LinearMap {
  double lower, upper;  // of src, lower <= upper
  double low, high;     // of dst, in any order
};

namespace cpu {
void linear_map(const Image& src, const Image& dst, const LinearMap& map, Context context);
}
}  // namespace cormack
