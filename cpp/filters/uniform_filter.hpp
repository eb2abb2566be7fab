#pragma once
// Mean over a box. Integers: the exact mean, rounded half to even once, or to a floating dst. Floating point: sums in
// float64, one rounding.
// Contract: src and dst of one shape, not overlapping, any strides (a src whose last axis is not contiguous is copied
// once); dst of src's dtype, float32 or float64; 1 <= size <= 2^31; 0 <= left < size. Pixels outside the image are
// `cval` for Border::constant. NaN and infinities reach the outputs whose window holds them, no others. Exact for
// integers while the sum over a window, `cval` included, stays below 2^62 (2^53 for 8 and 16 bit, which no window
// reaches) and `cval` is an integer; else the sum is taken in float64.
// Cost per pixel: independent of the size, but for floating point along x logarithmic, by running sums. Those of
// floating point start anew after a run of max(64, size) positions, so that where a window stands decides its bits;
// with NaN, infinities or magnitudes above 1e20 the image is filtered again by sums of blocks (van Herk, Pattern
// Recognition Letters 13, 1992), so that nothing is ever subtracted. Memory per thread: a tile of rows; for sums of
// blocks along z as many as the window has planes.
#include "core/border.hpp"
#include "core/image.hpp"

namespace cormack {

struct UniformAxis {
  std::int64_t size = 1;  // pixels in the window
  std::int64_t left = 0;  // of them before the centre
  Border border = Border::reflect;
};

namespace cpu {
// axes: in the order (z, y, x); that of z is ignored for 2-D images.
void uniform_filter(const Image& src, const Image& dst, std::array<UniformAxis, 3> axes, double cval, Context context);
}  // namespace cpu
}  // namespace cormack
