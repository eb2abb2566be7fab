#pragma once
// An image at the nodes of another grid with parallel axes: nearest voxel, linear or cubic B-spline interpolation.
// Contract: positions[axis] are the nodes in voxels of src; those outside [0, n - 1] take the nearest voxel. dst has
// their numbers as its shape, unit rows, and any dtype: integers round half to even and saturate; src any strides
// (copied once where its last axis is not contiguous, and once as float64 coefficients for the spline). Positions are
// taken to 2^-32 voxel, so that what lies half way lies there exactly. NaN and infinities reach the nodes that
// interpolate them; the spline spreads them along whole lines, and an infinity may become NaN. The spline continues its
// values as SciPy's mode "mirror" does. Arithmetic is float64 in a fixed order: along z, then y, then x. Cost: as many
// multiplications per axis as it has taps (1, 2 or 4); axes whose nodes are voxels are copied. Memory: a band of rows
// per thread.
#include <array>
#include <vector>

#include "core/image.hpp"

namespace cormack {

enum class Interpolation : int { nearest = 0, linear = 1, cubic = 3 };

namespace cpu {
void resample(const Image& src, const Image& dst, const std::array<std::vector<double>, 3>& positions,
              Interpolation interpolation, Context context);
}
}  // namespace cormack
