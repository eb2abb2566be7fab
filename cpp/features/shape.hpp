#pragma once
// Shape of a mask: what the morphology features of the Image Biomarker Standardisation Initiative (family HCUG) say
// about it that needs no intensities. Same bits for any number of threads and any strides.
#include <array>

#include "core/image.hpp"

namespace cormack {

struct Shape {
  std::int64_t count = 0;           // voxels; nothing below is set where there are none
  std::array<double, 3> center{};   // mean index (z, y, x)
  std::array<double, 6> scatter{};  // sums of products of mm from the center: zz, yy, xx, zy, zx, yx
  double volume = 0, area = 0;      // of the mesh: marching cubes at 0.5, the mask continued by zeros
  double diameter = 0;              // largest distance of two vertices of the mesh
  std::array<double, 3> box{};      // extent of the mesh along the axes
  std::array<double, 3> oriented_box{};
  double hull_volume = 0, hull_area = 0;
  std::array<double, 6> ellipsoid{};  // the smallest one's matrix: eigenvalues are squares of semi-axes
};

// What a shape follows from, counted elsewhere, of a mask of `depth` slices of `height` rows: the first and last voxel
// of each row, -1 where there is none; sums of 1 and of the indices z, y, x, zz, yy, xx, zy, zx, yx; how many cells of
// eight voxels, in the mask and the zeros around it, have each pattern of corners: bit k is corner (k & 1, k >> 1 & 1,
// k >> 2 & 1) along (x, y, z).
struct ShapeCounts {
  std::int64_t depth, height;
  const std::int32_t* ends;
  std::array<std::int64_t, 10> sums;
  std::array<std::int64_t, 256> patterns;
};

namespace cpu {
Shape shape_of_counts(const ShapeCounts& counts, const std::array<double, 3>& spacing, Context context);
// mask: bool or uint8. spacing: mm along (z, y, x), above 0. Takes one pass over the mask and (voxels / 8) bytes.
Shape shape(const Image& mask, const std::array<double, 3>& spacing, Context context);
}  // namespace cpu

}  // namespace cormack
