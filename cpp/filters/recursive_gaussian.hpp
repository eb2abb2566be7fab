#pragma once
// Gaussian smoothing by recursion: a sum of three damped oscillations on either side (R. Deriche, Recursively
// implementing the Gaussian and its derivatives, INRIA 1893, 1993, with three terms for two), whose cost does not
// depend on sigma. Lines are continued beyond the border without end, in every mode.
// Contract: src and dst of one shape, not overlapping, any strides (a src whose last axis is not contiguous is copied
// once); dst of src's dtype, float32 or float64. Computed in float32 where dst holds 8- or 16-bit integers or float32,
// else in float64; integers are rounded (half to even) and saturated once, at the end. NaN and infinities reach whole
// lines. Memory: an image of working precision, unless dst is one with contiguous rows.
#include "filters/gaussian_filter.hpp"

namespace cormack {

// A bound on the error of one axis against the kernel `weights` (of offsets 0 .. radius, order 0), relative to the
// range of the input, which includes 0 and the value outside. u: the rounding unit of working precision.
double recursive_gaussian_error(double sigma, const std::vector<double>& weights, double u);

namespace cpu {
// sigma: of z, y, x; 0 leaves an axis as it is.
void recursive_gaussian(const Image& src, const Image& dst, const std::array<double, 3>& sigma,
                        const std::array<Border, 3>& borders, double cval, Context context);
}  // namespace cpu
}  // namespace cormack
