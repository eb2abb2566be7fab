#pragma once
// An image at the places of another grid: dst[index] = src at matrix @ index + offset, by the nearest voxel, linear or
// cubic B-spline interpolation.
// Contract: matrix is row-major over (z, y, x); dst has unit rows and any dtype: integers round half to even and
// saturate; bool is true above one half. src has any strides (copied once where its last axis is not contiguous, and
// once as float64 coefficients for the spline) and does not overlap dst. Positions are taken to 2^-32 voxel. Places
// outside what the edge takes for the image get `cval`. Where the fraction between two voxels is 0 the further one does
// not matter, so that NaN stays where it is; the spline spreads it along lines. Arithmetic is float64 in a fixed order:
// along z, then y, then x. Cost per voxel: 1, 8 or 64 reads; matrices that permute and stretch axes go through
// resample, which needs 1, 2 or 4 per axis. Memory: some rows per thread.
#include <array>

#include "filters/resample.hpp"

namespace cormack {

// What counts as the image, along each axis of n voxels, and what stands between its outermost voxels and its end.
enum class Edge : int {
  centres = 0,  // [0, n - 1]: SciPy's "constant"
  voxels = 1,   // [-0.5, n - 0.5), as in ITK: the nearest voxel, or the spline of the mirrored image
  endless = 2,  // everywhere, SciPy's "nearest": the nearest voxel; the spline is that of 12 copies of it
};

struct AffineMap {
  std::array<double, 9> matrix;
  std::array<double, 3> offset;
};

namespace cpu {
void affine_transform(const Image& src, const Image& dst, const AffineMap& map, Interpolation interpolation, Edge edge,
                      double cval, Context context);
}
}  // namespace cormack
