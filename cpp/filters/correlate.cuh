#pragma once
// Correlations with any weights, in the CPU's order of sums: groups of 16 taps. Every thread reads the voxels of its
// window through the caches.
#include "cuda/voxels.cuh"
#include "filters/correlate_taps.hpp"
#include "filters/separable_work.cuh"

namespace cormack::device {

template <class Work>
struct GroupedSum {
  Work total, group;
  int count;

  __device__ __forceinline__ void add(Work product) {
    group += product;
    if (++count % 16 != 0) return;
    total += group;
    group = 0;
  }
  __device__ __forceinline__ Work sum() const { return total + group; }
};

// One axis. One read and one write of each voxel.
template <class In, class Out, class Work>
__global__ void __launch_bounds__(256, 4)
    correlate_line(const In* __restrict__ source, Layout from, Out* __restrict__ target, Layout to,
                   const Work* __restrict__ weights, const int* __restrict__ offsets, TapLine taps, Work outside) {
  const AxisOf along(from, taps.axis);
  over_voxels(from, [&](long long z, long long y, long long x) {
    const auto here = static_cast<int>(taps.axis == 0 ? z : taps.axis == 1 ? y : x);
    const In* const line = source + from.at(z, y, x) - here * along.stride;
    const bool near = here < taps.reach || along.extent - here <= taps.reach;
    GroupedSum<Work> sum{0, 0, 0};
    if (near && taps.by_sums) {
      GroupedSum<Work> beyond{0, 0, 0};
      for (int k = 0; k < taps.count; ++k)
        if (border_index_32(here + offsets[k], along.extent, taps.border) < 0) beyond.add(weights[k] * outside);
      sum.total = beyond.sum();
    }
    for (int k = 0; k < taps.count; ++k) {
      const int at = near ? border_index_32(here + offsets[k], along.extent, taps.border) : here + offsets[k];
      if (at >= 0) sum.add(weights[k] * static_cast<Work>(line[at * along.stride]));
      else if (!taps.by_sums) sum.add(weights[k] * outside);
    }
    target[to.at(z, y, x)] = stored<Out>(sum.sum(), taps.boolean);
  });
}

// offsets: (z, y, x) of each tap.
template <class T, class Work>
__global__ void __launch_bounds__(256, 4)
    correlate_window(const T* __restrict__ source, Layout from, T* __restrict__ target, Layout to,
                     const Work* __restrict__ weights, const int* __restrict__ offsets, TapWindow taps, Work outside) {
  over_voxels(from, [&](long long z, long long y, long long x) {
    const bool near = z < taps.reach[0] || from.depth - z <= taps.reach[0] || y < taps.reach[1] ||
                      from.height - y <= taps.reach[1] || x < taps.reach[2] || from.width - x <= taps.reach[2];
    GroupedSum<Work> sum{0, 0, 0};
    for (int k = 0; k < taps.count; ++k) {
      long long at_z = z + offsets[3 * k], at_y = y + offsets[3 * k + 1], at_x = x + offsets[3 * k + 2];
      if (near) {
        at_z = border_index(at_z, from.depth, taps.border[0]);
        at_y = border_index(at_y, from.height, taps.border[1]);
        at_x = border_index(at_x, from.width, taps.border[2]);
      }
      const bool inside = at_z >= 0 && at_y >= 0 && at_x >= 0;
      sum.add(weights[k] * (inside ? static_cast<Work>(source[from.at(at_z, at_y, at_x)]) : outside));
    }
    target[to.at(z, y, x)] = stored<T>(sum.sum(), taps.boolean);
  });
}

}  // namespace cormack::device
