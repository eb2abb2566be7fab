#pragma once
// Regions of interest that kernels go over together, many in one launch, as plain structs for kernels and plans. No
// standard header.
#include "cuda/layout.hpp"
#include "features/texture_box.cuh"

namespace cormack::device {

// A region's bounding box, packed, and its surroundings, packed too, which the box lies in. `values`, `mask`: where
// their first voxels are; `nodes`: where its positions, or its rows, begin; `source`: where the surroundings begin in
// the image.
struct RegionBox {
  long long values, mask, nodes, label;
  int around[3], begin[3], extent[3], source[3];

  CORMACK_HD long long size() const { return static_cast<long long>(extent[0]) * extent[1] * extent[2]; }
  CORMACK_HD long long size_around() const { return static_cast<long long>(around[0]) * around[1] * around[2]; }
  // The voxel of the surroundings that a voxel of the box is.
  CORMACK_HD long long value_at(int z, int y, int x) const {
    return values + (static_cast<long long>(begin[0] + z) * around[1] + begin[1] + y) * around[2] + begin[2] + x;
  }
};

// Intensities that stay: between both pairs of limits.
struct RegionLimits {
  double low, high, least, most;
};

// What moments of a region refer to.
struct RegionCenter {
  double mean, median, low, high;
};

// Where the counts of a region's levels begin, and how many there are.
struct RegionCounts {
  long long at;
  int size, unused;
};

enum : int { kRegionSums = 9, kRegionMoments = 7, kRegionPairs = 4, kRanks = 10, kDigits = 256 };

}  // namespace cormack::device
