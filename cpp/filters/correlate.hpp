#pragma once
// Correlation with any weights: one kernel per axis, or one window of up to three axes.
//   dst[i] = sum over k of weights[k] src[i + k - left]
// Contract: src and dst of one shape and dtype, not overlapping, any strides (a src whose last axis is not contiguous
// is copied once). Weights of zero leave their pixel out, NaN included.
// Computed in float32 for 8- and 16-bit integers and float32, else in float64, in groups of kTapGroup products that are
// summed among themselves first; integers are rounded (half to even) and saturated once, at the end.
// Cost: a multiplication and an addition per weight and pixel. Memory: per thread, the rows of one window.
#include "filters/row_passes.hpp"

namespace cormack {

struct Window {
  std::array<std::int64_t, 3> shape{1, 1, 1};
  std::array<std::int64_t, 3> left{};
  std::array<Border, 3> border{};
  std::vector<double> weights{1.0};  // C order
  double outside = 0;                // beyond Border::constant
};

namespace cpu {
// axes: in the order (z, y, x), which is the order of the passes; that of z is ignored for 2-D images.
void correlate_axes(const Image& src, const Image& dst, std::array<AxisTaps, 3> axes, Context context);
void correlate_window(const Image& src, const Image& dst, const Window& window, Context context);
}  // namespace cpu
}  // namespace cormack
