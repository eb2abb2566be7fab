#pragma once
// Unsharp masking: image + amount (image - smoothed image), the smoothing being a correlation per axis.
// Contract, precision and cost are those of correlate_axes; the smoothed image is never stored, nor rounded.
#include "filters/correlate.hpp"

namespace cormack::cpu {

void unsharp_mask(const Image& src, const Image& dst, std::array<AxisTaps, 3> axes, double amount, Context context);

}  // namespace cormack::cpu
