#pragma once
// dst = y at src, linearly between knots at increasing x, and along the first and the last piece beyond them. Any dtype
// to any dtype in float64; the cost grows with the number of knots. NaN stays NaN in a floating dst and becomes y[0] in
// an integer one.
#include "core/image.hpp"

namespace cormack::cpu {

void piecewise_map(const Image& src, const Image& dst, const double* x, const double* y, int count, Context context);

}  // namespace cormack::cpu
