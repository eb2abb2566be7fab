#pragma once
// Local and global intensity peak (IBSI family 9ST6): the mean of the image in a ball around each voxel of a region,
// over the voxels of the whole image whose centres lie in the ball; those that are not finite are left out.
// Contract: the mask is not empty and the values inside it are finite; `image` reaches at least a ball's radius beyond
// the mask, or as far as there are voxels. Any strides. Sums of 8 and 16 bit images are exact, others float64 in a
// fixed order: same bits for any number of threads and any strides. Cost: the ball is a set of chords, and a prefix sum
// along x gives each in two reads, so that a voxel costs two reads per chord length and about one per chord and pair of
// slices, not one per voxel of the ball. Memory: a few rows of sums per thread and chord length.
#include <array>

#include "core/image.hpp"

namespace cormack {

struct LocalIntensity {
  double local;   // largest mean around a voxel whose value is `peak`
  double global;  // largest mean around any voxel
};

namespace cpu {
// spacing (z, y, x) and radius in one unit; peak: the largest value in the mask; mask: bool or uint8, or null.
LocalIntensity local_intensity(const Image& image, const Image* mask, const std::array<double, 3>& spacing,
                               double radius, double peak, Context context);
}  // namespace cpu
}  // namespace cormack
