#pragma once
// Where the voxels of a packed region lie.
#include "cuda/device.cuh"
#include "features/texture_box.cuh"

namespace cormack::device {

struct Place {
  int z, y, x;
};
__device__ __forceinline__ Place place_of(const TextureBox& box, long long i) {
  const unsigned number = static_cast<unsigned>(i), row = number / static_cast<unsigned>(box.width);
  return {static_cast<int>(row / static_cast<unsigned>(box.height)),
          static_cast<int>(row % static_cast<unsigned>(box.height)),
          static_cast<int>(number % static_cast<unsigned>(box.width))};
}

// The level of a voxel that may lie outside of the box.
__device__ __forceinline__ int level_at(const unsigned short* __restrict__ own, const TextureBox& box, int z, int y,
                                        int x) {
  const bool inside = static_cast<unsigned>(z) < static_cast<unsigned>(box.depth) &&
                      static_cast<unsigned>(y) < static_cast<unsigned>(box.height) &&
                      static_cast<unsigned>(x) < static_cast<unsigned>(box.width);
  return inside ? own[(static_cast<long long>(z) * box.height + y) * box.width + x] : 0;
}

}  // namespace cormack::device
