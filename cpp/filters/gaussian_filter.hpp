#pragma once
// Gaussian smoothing and Gaussian derivatives, sampled kernels as in SciPy (normalised to sum 1 before derivation), by
// correlate_separable: its contract, cost and precision hold. Where `tolerance` is above 0, smoothing with wide kernels
// is done by recursive_gaussian if its error, relative to the range of the input with 0 and `cval`, is at most that.
#include "filters/separable.hpp"

namespace cormack {

namespace cpu {
// axes: in the order (z, y, x); that of z is ignored for 2-D images.
void gaussian_filter(const Image& src, const Image& dst, const std::array<GaussianAxis, 3>& axes, double cval,
                     double tolerance, Context context);
}  // namespace cpu
}  // namespace cormack
