#pragma once
// Smallest and largest value; NaN is left out.
#include "enhance/reductions.cuh"

namespace cormack::device {

struct Extremes {
  double low, high, has_nan;

  __device__ void add(const Extremes& other) {
    low = other.low < low ? other.low : low;
    high = other.high > high ? other.high : high;
    has_nan = other.has_nan > has_nan ? other.has_nan : has_nan;
  }
};

__device__ __forceinline__ Extremes no_extremes() {
  constexpr double infinity = __builtin_bit_cast(double, 0x7FF0000000000000ull);
  return {infinity, -infinity, 0.0};
}

// Of the block, in its first thread. Shared: one Extremes for each warp.
__device__ __forceinline__ Extremes of_block(Extremes own) {
  CORMACK_SHARED(Extremes, warps);
  CORMACK_UNROLL
  for (unsigned step = 16; step > 0; step /= 2) {
    own.add({__shfl_down_sync(kFullWarp, own.low, step), __shfl_down_sync(kFullWarp, own.high, step),
             __shfl_down_sync(kFullWarp, own.has_nan, step)});
  }
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = own;
  __syncthreads();
  if (threadIdx.x == 0)
    for (unsigned warp = 1; warp < blockDim.x / 32; ++warp) own.add(warps[warp]);
  return own;
}

template <class T>
__global__ void __launch_bounds__(256) minmax(const T* __restrict__ source, const unsigned char* __restrict__ mask,
                                              Layout mask_from, Layout from, bool dense, double* __restrict__ blocks) {
  Extremes own = no_extremes();
  for_each_voxel(source, {mask, mask_from, from, dense}, [&](T value) {
    const double number = static_cast<double>(value);
    if (number < own.low) own.low = number;
    if (number > own.high) own.high = number;
    if (number != number) own.has_nan = 1.0;
  });
  own = of_block(own);
  if (threadIdx.x == 0) {
    blocks[3 * blockIdx.x] = own.low;
    blocks[3 * blockIdx.x + 1] = own.high;
    blocks[3 * blockIdx.x + 2] = own.has_nan;
  }
}

// One block.
__global__ void __launch_bounds__(256)
    minmax_of_blocks(const double* __restrict__ blocks, int count, double* __restrict__ result) {
  Extremes own = no_extremes();
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x))
    own.add({blocks[3 * i], blocks[3 * i + 1], blocks[3 * i + 2]});
  own = of_block(own);
  if (threadIdx.x == 0) {
    result[0] = own.low;
    result[1] = own.high;
    result[2] = own.has_nan;
  }
}

}  // namespace cormack::device
