#pragma once
// Exclusive prefix sums of unsigned numbers, in place; plan_scan in cuda/scan_plan.hpp launches them.
#include "cuda/device.cuh"

namespace cormack::device {

constexpr int kScanThreads = 256, kScanItems = 4, kScanBlock = kScanThreads * kScanItems;

// Each block of values becomes its own prefix sums, its total goes to totals[block]. Shared: 8 unsigned.
// A template, as every kernel of a header that several plans include must be: else each would define it.
template <int>
__global__ void __launch_bounds__(kScanThreads)
    scan_blocks(unsigned* __restrict__ values, long long count, unsigned* __restrict__ totals) {
  CORMACK_SHARED(unsigned, warps);
  const unsigned thread = threadIdx.x, lane = thread % 32;
  const long long first = static_cast<long long>(blockIdx.x) * kScanBlock + thread * kScanItems;
  unsigned own[kScanItems], sum = 0;
  CORMACK_UNROLL
  for (int i = 0; i < kScanItems; ++i) {
    own[i] = first + i < count ? values[first + i] : 0;
    sum += own[i];
  }
  unsigned upto = sum;
  CORMACK_UNROLL
  for (unsigned step = 1; step < 32; step *= 2) {
    const unsigned before = __shfl_up_sync(kFullWarp, upto, step);
    if (lane >= step) upto += before;
  }
  if (lane == 31) warps[thread / 32] = upto;
  __syncthreads();
  unsigned base = upto - sum;
  for (unsigned warp = 0; warp < thread / 32; ++warp) base += warps[warp];
  if (thread == kScanThreads - 1) totals[blockIdx.x] = base + sum;
  CORMACK_UNROLL
  for (int i = 0; i < kScanItems; ++i) {
    if (first + i < count) values[first + i] = base;
    base += own[i];
  }
}

template <int>
__global__ void __launch_bounds__(kScanThreads)
    add_block_bases(unsigned* __restrict__ values, long long count, const unsigned* __restrict__ bases) {
  const long long first = static_cast<long long>(blockIdx.x) * kScanBlock;
  CORMACK_UNROLL
  for (int i = 0; i < kScanItems; ++i) {
    const long long at = first + i * kScanThreads + threadIdx.x;
    if (at < count) values[at] += bases[blockIdx.x];
  }
}

}  // namespace cormack::device
