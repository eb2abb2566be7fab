#pragma once
// Means of boxes. Small boxes in one pass: a block marches along z over a tile with its rim; every thread keeps the
// last planes of its columns of voxels in registers, and sums along z go through shared memory along y and x. One write
// and (32 + size - 1) (16 + size - 1) / 512 reads of a voxel, of which all but one come from the cache that blocks
// share.
#include "cuda/device.cuh"
#include "filters/window_lines.cuh"
#include "filters/window_mean.cuh"

namespace cormack::device {

// Shared memory: (16 + size_y - 1 + 16) * (32 + size_x - 1) sums. Sums run from the first voxel to the last, along z,
// y and x, as on the CPU. Sizes are at most 9.
template <class T, class Sum>
__global__ void __launch_bounds__(512, sizeof(Sum) == 4 ? 2 : 1)
    box_march(const T* __restrict__ source, Layout from, T* __restrict__ target, Layout to, Box box, Sum cval,
              MeanRule mean, int steps) {
  constexpr int kMost = 9, kWidth = 32, kHeight = 16, kThreads = kWidth * kHeight, kEach = 2;
  CORMACK_SHARED(Sum, shared);
  const int cols = kWidth + box.size[2] - 1, rows = kHeight + box.size[1] - 1;
  Sum* const along_z = shared;
  Sum* const along_y = shared + rows * cols;
  const int column = static_cast<int>(threadIdx.x), line = static_cast<int>(threadIdx.y);
  const int left = static_cast<int>(blockIdx.x) * kWidth, top = static_cast<int>(blockIdx.y) * kHeight;
  const Sum beyond_y = cval * static_cast<Sum>(box.size[0]), beyond_x = beyond_y * static_cast<Sum>(box.size[1]);

  // Of my columns of voxels, times 4, for strides have any sign; 1: outside, 2: beyond a constant border along y.
  long long place[kEach];
  Sum ring[kEach][kMost];  // their last planes, the newest at the end
  CORMACK_UNROLL
  for (int i = 0; i < kEach; ++i) {
    const int e = line * kWidth + column + i * kThreads;
    place[i] = 1;
    if (e < rows * cols) {
      const long long y =
          border_index(static_cast<long long>(top) - box.left[1] + e / cols, from.height, box.border[1]);
      const long long x =
          border_index(static_cast<long long>(left) - box.left[2] + e % cols, from.width, box.border[2]);
      if (y >= 0 && x >= 0) place[i] = 4 * (y * from.y + x * from.x);
      if (box.border[1] == Border::constant && y < 0) place[i] |= 2;
    }
    CORMACK_UNROLL
    for (int k = 0; k < kMost; ++k) ring[i][k] = Sum();
  }
  const auto next_plane = [&](long long z) {
    const long long at = border_index(z, from.depth, box.border[0]);
    CORMACK_UNROLL
    for (int i = 0; i < kEach; ++i) {
      CORMACK_UNROLL
      for (int k = 0; k + 1 < kMost; ++k) ring[i][k] = ring[i][k + 1];
      if (place[i] & 1) ring[i][kMost - 1] = Sum();
      else ring[i][kMost - 1] = at < 0 ? cval : static_cast<Sum>(source[at * from.z + place[i] / 4]);
    }
  };

  const int begin = static_cast<int>(blockIdx.z) * steps;
  const int end = from.depth - begin < steps ? from.depth : begin + steps;
  const long long ahead = box.size[0] - 1 - box.left[0];
  for (int k = 1; k < box.size[0]; ++k) next_plane(begin - static_cast<long long>(box.left[0]) + k - 1);
  for (int z = begin; z < end; ++z) {
    next_plane(z + ahead);
    CORMACK_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int e = line * kWidth + column + i * kThreads;
      Sum sum = Sum();
      CORMACK_UNROLL
      for (int k = 0; k < kMost; ++k)
        if (k >= kMost - box.size[0]) sum += ring[i][k];
      if (e < rows * cols) {
        const bool beyond = place[i] & 2;
        along_z[e] = beyond ? beyond_y : sum;
      }
    }
    __syncthreads();
    for (int c = column; c < cols; c += kWidth) {
      Sum sum = Sum();
      for (int k = 0; k < box.size[1]; ++k) sum += along_z[(line + k) * cols + c];
      const long long x = static_cast<long long>(left) - box.left[2] + c;
      const bool beyond = box.border[2] == Border::constant && (x < 0 || x >= from.width);
      along_y[line * cols + c] = beyond ? beyond_x : sum;
    }
    __syncthreads();
    if (left + column < from.width && top + line < from.height) {
      Sum sum = Sum();
      for (int k = 0; k < box.size[2]; ++k) sum += along_y[line * cols + column + k];
      target[to.at(z, top + line, left + column)] = mean.template value<T>(sum);
    }
  }
}

}  // namespace cormack::device
