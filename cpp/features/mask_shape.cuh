#pragma once
// What the shapes of regions follow from, in integers: how many cells of eight voxels have each pattern of corners,
// sums over the indices of voxels, and where rows begin and end, among which the corners of the convex hull are.
#include "cuda/device.cuh"
#include "features/region_boxes.cuh"

namespace cormack::device {

// Counts of the patterns of cells that hold a surface; bit k of a pattern is corner (k & 1, k >> 1 & 1, k >> 2 & 1)
// along (x, y, z). Cell (z, y, x) has the voxels z - 1 and z, y - 1 and y, x - 1 and x. [region][266]: of 256 patterns,
// and then sums.
template <int>
__global__ void __launch_bounds__(256)
    corner_patterns(const unsigned char* __restrict__ mask, const RegionBox* __restrict__ boxes,
                    const TexturePart* __restrict__ parts, int chunk, unsigned long long* __restrict__ counts) {
  CORMACK_SHARED(unsigned, tally);
  const TexturePart part = parts[blockIdx.x];
  const RegionBox box = boxes[part.box];
  const unsigned char* const own = mask + box.mask;
  const int depth = box.extent[0], height = box.extent[1], width = box.extent[2];
  const long long cells = (depth + 1ll) * (height + 1ll) * (width + 1ll);
  const long long stop = part.first + chunk < cells ? part.first + chunk : cells;
  tally[threadIdx.x] = 0;
  __syncthreads();
  for (long long i = part.first + threadIdx.x; i < stop; i += blockDim.x) {
    const long long row = i / (width + 1);
    const int x = static_cast<int>(i - row * (width + 1)), z = static_cast<int>(row / (height + 1));
    const int y = static_cast<int>(row - static_cast<long long>(z) * (height + 1));
    unsigned pattern = 0;
    CORMACK_UNROLL
    for (int k = 0; k < 8; ++k) {
      const int at[3] = {z - 1 + (k >> 2), y - 1 + (k >> 1 & 1), x - 1 + (k & 1)};
      const bool known = at[0] >= 0 && at[0] < depth && at[1] >= 0 && at[1] < height && at[2] >= 0 && at[2] < width;
      if (known && own[(static_cast<long long>(at[0]) * height + at[1]) * width + at[2]] != 0) pattern |= 1u << k;
    }
    if (pattern != 0 && pattern != 255) atomicAdd(tally + pattern, 1u);
  }
  __syncthreads();
  const unsigned found = tally[threadIdx.x];
  if (found != 0) atomicAdd(counts + 266ll * part.box + threadIdx.x, static_cast<unsigned long long>(found));
}

__device__ __forceinline__ long long added_in_warp(long long value) {
  CORMACK_UNROLL
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(kFullWarp, value, step);
  return value;
}

// The first and the last x inside of each row, -1 where there is none, and the sums of 1; z, y, x; zz, yy, xx, zy, zx,
// yx. A warp takes a row.
template <int>
__global__ void __launch_bounds__(256)
    mask_rows(const unsigned char* __restrict__ mask, const RegionBox* __restrict__ boxes,
              const TexturePart* __restrict__ parts, int chunk, int* __restrict__ ends,
              unsigned long long* __restrict__ counts) {
  const TexturePart part = parts[blockIdx.x];
  const RegionBox box = boxes[part.box];
  const int height = box.extent[1], width = box.extent[2];
  const long long rows = static_cast<long long>(box.extent[0]) * height;
  const long long stop = part.first + chunk < rows ? part.first + chunk : rows;
  long long own[10] = {};
  for (long long row = part.first + threadIdx.y; row < stop; row += blockDim.y) {
    const long long z = row / height, y = row - z * height;
    const unsigned char* const line = mask + box.mask + row * width;
    long long count = 0, sum = 0, squares = 0;
    int first = width, last = -1;
    for (int x = static_cast<int>(threadIdx.x); x < width; x += 32) {
      if (line[x] == 0) continue;
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
      ends[2 * (box.nodes + row)] = last < 0 ? -1 : first;
      ends[2 * (box.nodes + row) + 1] = last;
    }
    const long long terms[10] = {count,         z * count, y * count,     sum,     z * z * count,
                                 y * y * count, squares,   z * y * count, z * sum, y * sum};
    CORMACK_UNROLL
    for (int i = 0; i < 10; ++i) own[i] += terms[i];
  }
  if (threadIdx.x == 0) {
    CORMACK_UNROLL
    for (int i = 0; i < 10; ++i)
      if (own[i] != 0) atomicAdd(counts + 266ll * part.box + 256 + i, static_cast<unsigned long long>(own[i]));
  }
}

}  // namespace cormack::device
