#pragma once
// Erosion and dilation by a footprint with heights: the smallest value - height, or the largest value + height, of the
// places of a window. Computed in float64; integers are rounded to nearest and saturate. One operation a pixel and
// place of the footprint.
#include "filters/extremum_filter.hpp"

namespace cormack::cpu {

// The window has a footprint, and the same border along all axes; heights: one for each of its places. Same shape and
// dtype for src and dst, of any strides; they must not overlap.
void structured_extremum(const Image& src, const Image& dst, const ExtremumWindow& window, const double* heights,
                         Extremum extremum, Context context);

}  // namespace cormack::cpu
