#pragma once
// How often every integer of a range occurs: counters in shared memory, for one window of the range at a time.
#include "enhance/reductions.cuh"

namespace cormack::device {

// blockIdx.y is the number of the window. Shared: `copies` times min(window, size) counters; warps use different
// copies.
template <class T>
__global__ void __launch_bounds__(256)
    value_counts(const T* __restrict__ source, const unsigned char* __restrict__ mask, Layout mask_from, Layout from,
                 bool dense, long long first, int size, int window, int copies,
                 unsigned long long* __restrict__ counts) {
  CORMACK_SHARED(unsigned, counters);
  const int begin = static_cast<int>(blockIdx.y) * window, length = size - begin < window ? size - begin : window;
  for (int i = static_cast<int>(threadIdx.x); i < length * copies; i += static_cast<int>(blockDim.x)) counters[i] = 0;
  __syncthreads();
  unsigned* const own = counters + static_cast<int>(threadIdx.x / 32) % copies * length;
  const long long base = first + begin;
  for_each_voxel(source, {mask, mask_from, from, dense}, [&](T value) {
    const long long at = static_cast<long long>(value) - base;
    if (at >= 0 && at < length) atomicAdd(&own[at], 1u);
  });
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < length; i += static_cast<int>(blockDim.x)) {
    unsigned sum = 0;
    for (int copy = 0; copy < copies; ++copy) sum += counters[copy * length + i];
    if (sum) atomicAdd(&counts[begin + i], static_cast<unsigned long long>(sum));
  }
}

// For ranges that are too wide for that.
template <class T>
__global__ void __launch_bounds__(256)
    value_counts_wide(const T* __restrict__ source, const unsigned char* __restrict__ mask, Layout mask_from,
                      Layout from, bool dense, long long first, int size, unsigned long long* __restrict__ counts) {
  for_each_voxel(source, {mask, mask_from, from, dense}, [&](T value) {
    const long long at = static_cast<long long>(value) - first;
    if (at >= 0 && at < size) atomicAdd(&counts[at], 1ull);
  });
}

}  // namespace cormack::device
