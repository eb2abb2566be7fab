#pragma once
// dst = y at src, linearly between knots (numpy.interp): y[0] below x[0], y[count - 1] above the last. Any dtype to any
// dtype in float64; integers round half to even and saturate. NaN stays NaN in a floating dst and becomes y[0] in an
// integer one. x increases strictly, and no knot is further than one interval from where uniform spacing puts it.
#include "core/image.hpp"

namespace cormack::cpu {

void interpolation_map(const Image& src, const Image& dst, const double* x, const double* y, int count,
                       Context context);

}  // namespace cormack::cpu
