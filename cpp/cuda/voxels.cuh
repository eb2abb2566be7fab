#pragma once
// Every voxel by a thread of its own, in blocks of 32 x 8 threads on Plan::voxel_grid: a warp lies along x, and nothing
// is divided.
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
