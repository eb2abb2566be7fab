#pragma once
// Correlation with one symmetric or antisymmetric kernel per axis, along z, then y, then x.
//   dst[i] = sum over k of weight(k) src[i + k], weight(-k) = weight(k), or -weight(k) where the kernel is odd
// Contract: src and dst of one shape, not overlapping, any strides (a src whose last axis is not contiguous is copied
// once); dst of src's dtype, float32 or float64. Beyond the border every pass sees its own input continued, `cval` for
// Border::constant, as in SciPy.
// Computed in float32 where dst holds 8- or 16-bit integers or float32, else in float64, to which src is converted row
// by row; integers are rounded (half to even) and saturated once, at the end. Sums run from the outermost pair inwards.
// NaN and infinities reach the outputs whose window holds them, no others.
// Cost: a multiplication and two additions per pair of weights, axis and pixel; a kernel longer than the line is folded
// onto it, so never more than a line's length. Memory per thread: about half a megabyte, or as many rows as the kernel
// along y has weights, for a few planes.
#include "core/image.hpp"
#include "filters/axis_kernel.hpp"

namespace cormack {

namespace cpu {
// kernels: in the order (z, y, x); that of z is ignored for 2-D images.
void correlate_separable(const Image& src, const Image& dst, std::array<AxisKernel, 3> kernels, double cval,
                         Context context);
}  // namespace cpu
}  // namespace cormack
