#pragma once
// Cubic B-splines in float64, in the CPU's order (filters/resample.isa.cpp, affine_transform.isa.cpp): coefficients
// along z, y, x, and values of the spline, weighted along z, then y, then x.
#include "cuda/voxels.cuh"
#include "filters/affine_places.hpp"

namespace cormack::device {

// A voxel by each thread, continued beyond the border by copies of the outermost one.
template <class T>
__global__ void __launch_bounds__(256)
    spline_values(const T* __restrict__ source, Layout from, double* __restrict__ values, Layout to, SplineAxes axes) {
  const auto inside = [](long long at, int extent) { return at < 0 ? 0 : at < extent ? at : extent - 1; };
  over_voxels(to, [&](long long z, long long y, long long x) {
    const long long at = from.at(inside(z - axes.pad[0], from.depth), inside(y - axes.pad[1], from.height),
                                 inside(x - axes.pad[2], from.width));
    values[to.at(z, y, x)] = static_cast<double>(source[at]);
  });
}

// The axis of the lines, of two values at least, comes first: a line by each thread, four reads and two writes of each
// value. A template because several plans include it.
template <int>
__global__ void __launch_bounds__(256) spline_lines(double* values, Layout lines) {
  constexpr double pole = -0.26794919243112270647, gain = 6.0;
  constexpr double scale = gain * pole / (pole * pole - 1.0);
  constexpr int reach = 40;
  const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  if (x >= lines.width) return;
  for (long long y = blockIdx.y * 8 + threadIdx.y; y < lines.height; y += gridDim.y * 8) {
    double* const line = values + lines.at(0, y, x);
    const long long step = lines.z;
    double start = 0.0, power = 1.0;
    // To and fro between mirrors.
    for (int k = 0, at = 0, way = 1; k < reach; ++k, at += way, power *= pole) {
      if (at < 0 || at >= lines.depth) {
        way = -way;
        at += 2 * way;
      }
      start += power * line[at * step];
    }
    double before = start;
    line[0] = before;
    for (int k = 1; k < lines.depth; ++k) {
      before = line[k * step] + pole * before;
      line[k * step] = before;
    }
    const long long last = lines.depth - 1;
    double after = scale * (before + pole * line[(last - 1) * step]);
    line[last * step] = after;
    for (long long k = last - 1; k >= 0; --k) {
      after = pole * (after - gain * line[k * step]);
      line[k * step] = after;
    }
  }
}

// The coefficients that make a value, along one axis: those of four voxels, or one.
struct SplineTaps {
  long long at[4];
  double weight[4];
  int count;
};

__device__ __forceinline__ SplineTaps spline_taps(int voxel, double t, int extent, long long stride, int spline) {
  SplineTaps taps{};
  if (!spline) {
    taps.at[0] = (voxel < 0 ? 0 : voxel < extent ? voxel : extent - 1) * stride;
    taps.weight[0] = 1.0;
    taps.count = 1;
    return taps;
  }
  const double s = 1.0 - t;
  taps.weight[0] = s * s * s / 6.0;
  taps.weight[1] = 2.0 / 3.0 - t * t * (1.0 - t / 2.0);
  taps.weight[2] = 2.0 / 3.0 - s * s * (1.0 - s / 2.0);
  taps.weight[3] = t * t * t / 6.0;
  taps.count = 4;
  CORMACK_UNROLL
  for (int k = 0; k < 4; ++k) {
    // Never farther out than two voxels, of which a line of two has none: there and back.
    int at = voxel - 1 + k;
    CORMACK_UNROLL
    for (int turn = 0; turn < 3; ++turn) {
      if (at < 0) at = -at;
      if (at >= extent) at = 2 * (extent - 1) - at;
    }
    taps.at[k] = (extent > 1 ? at : 0) * stride;
  }
  return taps;
}

__device__ __forceinline__ double spline_at(const double* __restrict__ values, const SplineTaps* axes) {
  double row[4] = {0.0, 0.0, 0.0, 0.0};
  CORMACK_UNROLL
  for (int y = 0; y < 4; ++y) {
    if (y >= axes[1].count) break;
    CORMACK_UNROLL
    for (int x = 0; x < 4; ++x) {
      if (x >= axes[2].count) break;
      const double* const at = values + axes[1].at[y] + axes[2].at[x];
      double line = axes[0].weight[0] * at[axes[0].at[0]];
      CORMACK_UNROLL
      for (int z = 1; z < 4; ++z)
        if (z < axes[0].count) line = line + axes[0].weight[z] * at[axes[0].at[z]];
      row[x] = y == 0 ? axes[1].weight[0] * line : row[x] + axes[1].weight[y] * line;
    }
  }
  double value = axes[2].weight[0] * row[0];
  CORMACK_UNROLL
  for (int x = 1; x < 4; ++x)
    if (x < axes[2].count) value = value + axes[2].weight[x] * row[x];
  return value;
}

}  // namespace cormack::device
