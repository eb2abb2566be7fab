#pragma once
// An image seen in a plane mirror, which may be tilted against the axes.
#include <array>

#include "core/image.hpp"

namespace cormack {

// The side of the plane on which a voxel (z, y, x) lies is the sign of f = side . (z, y, x) + offset; its image lies at
// (z, y, x) + f * step, in voxels.
struct Mirror {
  std::array<double, 3> side{};
  double offset = 0;
  std::array<double, 3> step{};
};

namespace cpu {
// dst[v] = src at the image of v, interpolated linearly, or `outside` beyond the centres of the outermost voxels (by
// more than 1e-6 voxels). Contract: one shape; src of any dtype and strides, dst float32 or float64, any strides.
// One pass, in float64.
void reflect(const Image& src, const Image& dst, const Mirror& mirror, double outside, Context context);
}  // namespace cpu
}  // namespace cormack
