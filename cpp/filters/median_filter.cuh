#pragma once
// The median of 3 x 3 and 3 x 3 x 3 voxels through compare-exchange networks: the sorted nine of a plane are merged
// once and serve three voxels along z. Any strides, any border.
#include "core/border.hpp"
#include "cuda/device.cuh"
#include "filters/keys.hpp"
#include "filters/median_columns.cuh"
#include "filters/median_network.hpp"

namespace cormack::device {

// Where the three lines of a window lie along one axis; -1 is outside.
__device__ __forceinline__ void window_lines(int at, int first, int extent, Border border, long long* lines) {
  CORMACK_UNROLL
  for (int i = 0; i < 3; ++i) lines[i] = border_index(static_cast<long long>(at) + first + i, extent, border);
}

// The nine values of one plane of the window, sorted; `plane` is -1 outside.
template <class T>
__device__ __forceinline__ void sorted_plane(const T* __restrict__ source, const Layout& from, long long plane,
                                             const long long* ys, const long long* xs, T cval,
                                             typename Key<T>::Type* sorted) {
  using K = typename Key<T>::Type;
  K column[9], pair[6];
  CORMACK_UNROLL
  for (int x = 0; x < 3; ++x) {
    CORMACK_UNROLL
    for (int y = 0; y < 3; ++y) {
      const bool outside = plane < 0 || ys[y] < 0 || xs[x] < 0;
      column[3 * x + y] = Key<T>::of(outside ? cval : source[from.at(plane, ys[y], xs[x])]);
    }
    network::sort<3>(column + 3 * x);
  }
  network::merge<3, 1, 3, 1>(column, column + 3, pair);
  network::merge<6, 1, 3, 1>(pair, column + 6, sorted);
}

// Two of the three planes of a window serve another one too: of their union, only ranks 4 to 13 can be its median.
template <class K>
__device__ __forceinline__ void middle_of_planes(const K* a, const K* b, K* middle) {
  K all[18];
  network::merge<9, 1, 9, 1>(a, b, all);
  CORMACK_UNROLL
  for (int i = 0; i < 10; ++i) middle[i] = all[i + 4];
}

// A thread marches `steps` voxels, an even number, along z, two at a time.
template <class T>
__global__ void __launch_bounds__(256, 2)
    median_3x3x3(const T* __restrict__ source, Layout from, T* __restrict__ target, Layout to, Window window, T cval,
                 int steps) {
  using K = typename Key<T>::Type;
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (x >= from.width || y >= from.height) return;
  const int begin = static_cast<int>(blockIdx.z) * steps;
  const int end = begin + steps < from.depth ? begin + steps : from.depth;
  long long xs[3], ys[3];
  window_lines(x, window.first[2], from.width, window.border, xs);
  window_lines(y, window.first[1], from.height, window.border, ys);
  const auto plane = [&](int z, K* sorted) {
    const long long at = border_index(static_cast<long long>(z) + window.first[0], from.depth, window.border);
    sorted_plane(source, from, at, ys, xs, cval, sorted);
  };
  K before[9], first[9], second[9], after[9], middle[10];
  plane(begin, before);
  plane(begin + 1, first);
  for (int z = begin; z < end; z += 2) {
    plane(z + 2, second);
    middle_of_planes(first, second, middle);
    target[to.at(z, y, x)] = Key<T>::value(network::select<10, 9, 9>(middle, before));
    plane(z + 3, after);
    if (z + 1 < end) target[to.at(z + 1, y, x)] = Key<T>::value(network::select<10, 9, 9>(middle, after));
    CORMACK_UNROLL
    for (int i = 0; i < 9; ++i) {
      before[i] = second[i];
      first[i] = after[i];
    }
  }
}

template <class T>
__global__ void __launch_bounds__(256)
    median_3x3(const T* __restrict__ source, Layout from, T* __restrict__ target, Layout to, Window window, T cval) {
  using K = typename Key<T>::Type;
  const int x = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const int y = static_cast<int>(blockIdx.y * blockDim.y + threadIdx.y);
  if (x >= from.width || y >= from.height) return;
  long long xs[3], ys[3];
  window_lines(x, window.first[2], from.width, window.border, xs);
  window_lines(y, window.first[1], from.height, window.border, ys);
  for (int z = static_cast<int>(blockIdx.z); z < from.depth; z += static_cast<int>(gridDim.z)) {
    K sorted[9];
    sorted_plane(source, from, z, ys, xs, cval, sorted);
    target[to.at(z, y, x)] = Key<T>::value(sorted[4]);
  }
}

}  // namespace cormack::device
