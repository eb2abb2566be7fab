#pragma once
// What the shape of a mask follows from, in integers: how many cells of eight voxels have each pattern of corners, sums
// over the indices of voxels, and where rows begin and end, among which the corners of the convex hull are.
#include "features/over_rows.cuh"

namespace cormack::device {

// Counts of the patterns of cells that hold a surface; bit k of a pattern is corner (k & 1, k >> 1 & 1, k >> 2 & 1)
// along (x, y, z). Cell (z, y, x) has the voxels z - 1 and z, y - 1 and y, x - 1 and x.
__global__ void __launch_bounds__(256)
    corner_patterns(const unsigned char* __restrict__ mask, Layout from, unsigned long long* __restrict__ counts) {
  CORMACK_SHARED(unsigned, tally);
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  tally[thread] = 0;
  __syncthreads();
  over_rows(from.depth + 1, from.height + 1, from.width + 1, [&](int z, int y, int x) {
    unsigned pattern = 0;
    CORMACK_UNROLL
    for (int k = 0; k < 8; ++k) {
      const int at[3] = {z - 1 + (k >> 2), y - 1 + (k >> 1 & 1), x - 1 + (k & 1)};
      const bool known =
          at[0] >= 0 && at[0] < from.depth && at[1] >= 0 && at[1] < from.height && at[2] >= 0 && at[2] < from.width;
      if (known && mask[from.at(at[0], at[1], at[2])] != 0) pattern |= 1u << k;
    }
    if (pattern != 0 && pattern != 255) atomicAdd(tally + pattern, 1u);
  });
  __syncthreads();
  if (tally[thread] != 0) atomicAdd(counts + thread, static_cast<unsigned long long>(tally[thread]));
}

__device__ __forceinline__ long long added_in_warp(long long value) {
  CORMACK_UNROLL
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(kFullWarp, value, step);
  return value;
}

// The first and the last x inside of each row, -1 where there is none, and the sums of 1; z, y, x; zz, yy, xx, zy, zx,
// yx. A warp takes a row.
__global__ void __launch_bounds__(256) mask_rows(const unsigned char* __restrict__ mask, Layout from,
                                                 int* __restrict__ ends, unsigned long long* __restrict__ sums) {
  long long own[10] = {};
  for (RowWalk at(from.depth, from.height); at.on(); at.advance()) {
    const long long z = at.z, y = at.y;
    long long count = 0, sum = 0, squares = 0;
    int first = from.width, last = -1;
    for (int x = static_cast<int>(threadIdx.x); x < from.width; x += 32) {
      if (mask[from.at(z, y, x)] == 0) continue;
      ++count;
      sum += x;
      squares += static_cast<long long>(x) * x;
      first = x < first ? x : first;
      last = x;
    }
    __syncwarp(kFullWarp);
    count = added_in_warp(count);
    sum = added_in_warp(sum);
    squares = added_in_warp(squares);
    CORMACK_UNROLL
    for (int half = 16; half > 0; half /= 2) {
      const int other_first = __shfl_xor_sync(kFullWarp, first, half),
                other_last = __shfl_xor_sync(kFullWarp, last, half);
      first = other_first < first ? other_first : first;
      last = other_last > last ? other_last : last;
    }
    if (threadIdx.x == 0) {
      ends[2 * at.row] = last < 0 ? -1 : first;
      ends[2 * at.row + 1] = last;
    }
    const long long terms[10] = {count,         z * count, y * count,     sum,     z * z * count,
                                 y * y * count, squares,   z * y * count, z * sum, y * sum};
    CORMACK_UNROLL
    for (int i = 0; i < 10; ++i) own[i] += terms[i];
  }
  if (threadIdx.x == 0) {
    CORMACK_UNROLL
    for (int i = 0; i < 10; ++i)
      if (own[i] != 0) atomicAdd(sums + i, static_cast<unsigned long long>(own[i]));
  }
}

}  // namespace cormack::device
