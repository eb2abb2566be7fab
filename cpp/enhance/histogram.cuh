#pragma once
// Counts between edges, by binary search: bin i has edges[i] <= value < edges[i + 1], the last one its upper edge too.
#include "enhance/reductions.cuh"

namespace cormack::device {

// -1 outside and for NaN.
__device__ __forceinline__ int bin_of(double value, const double* edges, int bins) {
  if (!(value >= edges[0] && value <= edges[bins])) return -1;
  int low = 0, high = bins;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (value >= edges[middle]) low = middle;
    else high = middle;
  }
  return low;
}

// `shared`: edges and counters are in shared memory, bins + 1 doubles and `bins` unsigned.
template <class T>
__global__ void __launch_bounds__(256)
    histogram(const T* __restrict__ source, const unsigned char* __restrict__ mask, Layout mask_from, Layout from,
              bool dense, const double* __restrict__ edges, int bins, bool shared,
              unsigned long long* __restrict__ counts) {
  CORMACK_SHARED(double, near_edges);
  unsigned* const counters = reinterpret_cast<unsigned*>(near_edges + bins + 1);
  if (shared) {
    for (int i = static_cast<int>(threadIdx.x); i <= bins; i += static_cast<int>(blockDim.x)) near_edges[i] = edges[i];
    for (int i = static_cast<int>(threadIdx.x); i < bins; i += static_cast<int>(blockDim.x)) counters[i] = 0;
  }
  __syncthreads();
  const double* const from_edges = shared ? near_edges : edges;
  for_each_voxel(source, {mask, mask_from, from, dense}, [&](T value) {
    const int bin = bin_of(static_cast<double>(value), from_edges, bins);
    if (bin < 0) return;
    if (shared) atomicAdd(&counters[bin], 1u);
    else atomicAdd(&counts[bin], 1ull);
  });
  __syncthreads();
  if (!shared) return;
  for (int i = static_cast<int>(threadIdx.x); i < bins; i += static_cast<int>(blockDim.x))
    if (counters[i]) atomicAdd(&counts[i], static_cast<unsigned long long>(counters[i]));
}

}  // namespace cormack::device
