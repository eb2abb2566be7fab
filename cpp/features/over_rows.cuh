#pragma once
// Voxels by rows: blocks of 32 x 8 threads, a warp along a row, which saves a division for each voxel.
#include "cuda/device.cuh"

namespace cormack::device {

// Goes over the rows of a warp, always the same ones in the same order. Divides once, not for every row, and by 32
// bits: grids have fewer than 2^32 rows at a time, and registers would spill around a division of 64 bits.
struct RowWalk {
  long long row, rows, step;
  int z, y, step_z, step_y, height;

  __device__ __forceinline__ RowWalk(int depth, int high)
      : row(static_cast<long long>(blockIdx.x) * blockDim.y + threadIdx.y),
        rows(static_cast<long long>(depth) * high),
        step(static_cast<long long>(gridDim.x) * blockDim.y),
        height(high) {
    const auto first = static_cast<unsigned>(row), stride = static_cast<unsigned>(step);
    const auto size = static_cast<unsigned>(high > 0 ? high : 1);
    z = static_cast<int>(first / size);
    y = static_cast<int>(first % size);
    step_z = static_cast<int>(stride / size);
    step_y = static_cast<int>(stride % size);
  }
  __device__ __forceinline__ bool on() const { return row < rows; }
  __device__ __forceinline__ void advance() {
    row += step;
    z += step_z;
    y += step_y;
    if (y >= height) {
      y -= height;
      ++z;
    }
  }
};

// Calls f(z, y, x) for the voxels of this thread.
template <class F>
__device__ __forceinline__ void over_rows(int depth, int height, int width, const F& f) {
  for (RowWalk at(depth, height); at.on(); at.advance())
    for (int x = static_cast<int>(threadIdx.x); x < width; x += static_cast<int>(blockDim.x)) f(at.z, at.y, x);
}

}  // namespace cormack::device
