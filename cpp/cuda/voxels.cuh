#pragma once
// Every voxel by a thread of its own, in blocks of 32 x 8 threads on Plan::voxel_grid: a warp lies along x, and nothing
// is divided.
#include "core/border.hpp"
#include "cuda/device.cuh"

namespace cormack::device {

// Calls f(z, y, x) for the voxels of this thread.
template <class F>
__device__ __forceinline__ void over_voxels(const Layout& of, const F& f) {
  const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  if (x >= of.width) return;
  for (long long z = blockIdx.z; z < of.depth; z += gridDim.z)
    for (long long y = blockIdx.y * 8 + threadIdx.y; y < of.height; y += gridDim.y * 8) f(z, y, x);
}

// border_index of places that are fewer than 2^30 away from 0, as those of Plan::voxel_grid are: a division of 64 bits
// is a call, around which registers would be spilled.
__device__ __forceinline__ int border_index_32(int i, int n, Border border) {
  if (i >= 0 && i < n) return i;
  if (border == Border::nearest) return i < 0 ? 0 : n - 1;
  if (border == Border::wrap)
    return i < 0 ? n - 1 - static_cast<int>(static_cast<unsigned>(-1 - i) % static_cast<unsigned>(n))
                 : static_cast<int>(static_cast<unsigned>(i) % static_cast<unsigned>(n));
  if (border == Border::constant || (border == Border::mirror && n == 1)) return border == Border::constant ? -1 : 0;
  const int again = border == Border::mirror ? 1 : 0;  // the outermost voxel is its own mirror image, or seen twice
  const unsigned period = 2 * static_cast<unsigned>(n - again);
  const auto at = static_cast<int>(static_cast<unsigned>(i < 0 ? again - 1 - i : i) % period);
  return at < n ? at : static_cast<int>(period) - 1 + again - at;
}

// An axis of a layout, 0 for z.
struct AxisOf {
  long long stride;
  int extent;

  __device__ __forceinline__ AxisOf(const Layout& of, int axis)
      : stride(axis == 0   ? of.z
               : axis == 1 ? of.y
                           : of.x),
        extent(axis == 0   ? of.depth
               : axis == 1 ? of.height
                           : of.width) {}
};

}  // namespace cormack::device
