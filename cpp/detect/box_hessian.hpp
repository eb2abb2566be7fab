#pragma once
// The determinant of the Hessian by box filters, as in SURF (Bay, Ess, Tuytelaars and Van Gool, 2006).
#include "core/image.hpp"

namespace cormack::cpu {
// `integral`: of a 2-D image, inclusive sums, float64, contiguous; dst: float64 of its shape, contiguous. The boxes
// have about 3 sigma pixels and end at the border, as in scikit-image. Cost independent of sigma. `holes`: such sums of
// 1 for each pixel without a value, or null; NaN where a box holds one.
void box_hessian(const Image& integral, const Image* holes, const Image& dst, double sigma, Context context);
}  // namespace cormack::cpu
