#pragma once
// Weighted means of the pixels inside a mask (normalised convolution, Knutsson and Westin 1993):
//   dst[i] = sum over k of weights[k] inside[i + k] src[i + k] / sum over k of weights[k] inside[i + k]
// and `fill` where the divisor is 0. A pixel counts where its mask is set, and where it is not NaN if `skip_nan`; what
// lies beyond Border::constant does not count.
// Contract: as correlate_axes, with weights that are not negative; mask (null: everything) has the shape of src.
// Both sums run in float32 for 8- and 16-bit integers and float32, else in float64; with `exact` (weights that are all
// 1) in float64 unless float32 holds every sum, so that the mean of integers is exact and rounded once.
// Cost: twice that of correlate_axes and a division; with `exact` it grows with the logarithm of the size along x, and
// not at all along z and y for integers, whose sums slide. Memory: per thread, the rows of one window (of one tile
// where sums slide).
#include "filters/correlate.hpp"

namespace cormack {

struct MaskedFilter {
  std::array<AxisTaps, 3> axes;
  bool skip_nan = false;
  bool exact = false;
  double fill = 0;
};

namespace cpu {
void masked_filter(const Image& src, const Image* mask, const Image& dst, MaskedFilter filter, Context context);
}  // namespace cpu
}  // namespace cormack
