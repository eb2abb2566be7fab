#pragma once
// Voxels by rows: blocks of 32 x 8 threads, a warp along a row, which saves a division for each voxel.
#include "cuda/device.cuh"

namespace cormack::device {

// Calls f(z, y, x) for the voxels of this thread, always the same ones in the same order.
template <class F>
__device__ __forceinline__ void over_rows(int depth, int height, int width, const F& f) {
  const long long rows = static_cast<long long>(depth) * height;
  const long long step = static_cast<long long>(gridDim.x) * blockDim.y;
  for (long long row = static_cast<long long>(blockIdx.x) * blockDim.y + threadIdx.y; row < rows; row += step) {
    const int z = static_cast<int>(row / height), y = static_cast<int>(row - static_cast<long long>(z) * height);
    for (int x = static_cast<int>(threadIdx.x); x < width; x += static_cast<int>(blockDim.x)) f(z, y, x);
  }
}

}  // namespace cormack::device
