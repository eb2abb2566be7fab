#pragma once
// What an associative operation makes of a window along one axis, at a cost of its logarithm: windows of 1, 2, 4, ...
// voxels, each from two of the half length; those of the binary digits of the size join end to end. Nothing is ever
// taken away again, so NaN and infinities reach the outputs whose window holds them alone.
#include "cuda/device.cuh"
#include "filters/window_lines.hpp"

namespace cormack::device {

// The axis of the windows comes first in both layouts. Shared memory: columns * (2 * (tile + size - 1) + tile) values.
// Beyond a constant border stands `outside`. A pass reads and writes every voxel once, but for tile + size - 1 in place
// of `tile` voxels of a line.
template <class Op, class In, class Out, class Finish>
__device__ __forceinline__ void join_windows(const In* __restrict__ source, Layout from, Out* __restrict__ target,
                                             Layout to, WindowLines window, typename Op::Value outside, Finish finish) {
  using Value = typename Op::Value;
  CORMACK_SHARED(Value, shared);
  const int length = window.tile + window.size - 1, columns = window.columns;
  Value* finer = shared;
  Value* coarser = shared + length * columns;
  Value* const joined = coarser + length * columns;
  const int first = static_cast<int>(blockIdx.x) * window.tile, x = static_cast<int>(blockIdx.y) * columns;
  const int tile = from.depth - first < window.tile ? from.depth - first : window.tile;
  const int reach = tile + window.size - 1;
  for (int y = static_cast<int>(blockIdx.z); y < from.height; y += static_cast<int>(gridDim.z)) {
    for (int e = static_cast<int>(threadIdx.x); e < reach << window.shift; e += 256) {
      const int column = x + (e & (columns - 1));
      const long long at =
          border_index(static_cast<long long>(first) - window.left + (e >> window.shift), from.depth, window.border);
      if (column >= from.width) finer[e] = Value();
      else finer[e] = at < 0 ? outside : Op::of(source[from.at(at, y, column)]);
    }
    __syncthreads();
    int done = 0;
    for (int width = 1;; width *= 2) {
      if (window.size & width) {
        for (int e = static_cast<int>(threadIdx.x); e < tile << window.shift; e += 256) {
          const Value next = finer[e + (done << window.shift)];
          joined[e] = done == 0 ? next : Op::join(joined[e], next);
        }
        done += width;
      }
      if (2 * width > window.size) break;
      const int count = (tile + window.size - 2 * width) << window.shift;
      for (int e = static_cast<int>(threadIdx.x); e < count; e += 256)
        coarser[e] = Op::join(finer[e], finer[e + (width << window.shift)]);
      __syncthreads();
      Value* const other = finer;
      finer = coarser;
      coarser = other;
    }
    // Every thread has written itself what it reads here.
    for (int e = static_cast<int>(threadIdx.x); e < tile << window.shift; e += 256) {
      const int column = x + (e & (columns - 1));
      if (column < from.width)
        target[to.at(first + (e >> window.shift), y, column)] = finish.template value<Out>(joined[e]);
    }
    __syncthreads();
  }
}

// The same for windows that shared memory cannot hold: every thread joins the voxels of its window one by one, from
// first to last.
template <class Op, class In, class Out, class Finish>
__device__ __forceinline__ void join_long_windows(const In* __restrict__ source, Layout from, Out* __restrict__ target,
                                                  Layout to, WindowLines window, typename Op::Value outside,
                                                  Finish finish) {
  using Value = typename Op::Value;
  for (long long i = thread_number(); i < from.size(); i += thread_count()) {
    const long long row = i / from.width, x = i % from.width, y = row % from.height, z = row / from.height;
    Value joined = Value();
    for (int k = 0; k < window.size; ++k) {
      const long long at = border_index(z - window.left + k, from.depth, window.border);
      const Value next = at < 0 ? outside : Op::of(source[from.at(at, y, x)]);
      joined = k == 0 ? next : Op::join(joined, next);
    }
    target[to.at(z, y, x)] = finish.template value<Out>(joined);
  }
}

template <class Op, class In, class Out, class Finish>
__global__ void __launch_bounds__(256, 4)
    window_lines(const In* __restrict__ source, Layout from, Out* __restrict__ target, Layout to, WindowLines window,
                 typename Op::Value outside, Finish finish) {
  join_windows<Op>(source, from, target, to, window, outside, finish);
}
template <class Op, class In, class Out, class Finish>
__global__ void __launch_bounds__(256, 4)
    long_windows(const In* __restrict__ source, Layout from, Out* __restrict__ target, Layout to, WindowLines window,
                 typename Op::Value outside, Finish finish) {
  join_long_windows<Op>(source, from, target, to, window, outside, finish);
}

}  // namespace cormack::device
