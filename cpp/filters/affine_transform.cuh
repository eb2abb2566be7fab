#pragma once
// An image at the places of another grid, by the nearest voxel, linear or cubic interpolation, in float64 and in the
// CPU's order: along z, then y, then x. One write of each voxel; 1, 8 or 64 reads, through the caches.
#include "filters/spline.cuh"

namespace cormack::device {

__device__ __forceinline__ double rounded(double value) {
#if defined(CORMACK_SHIM)
  return __builtin_rint(value);
#else
  return rint(value);
#endif
}

// The voxel before a place, and how far behind it the place lies.
struct Place {
  int voxel;
  double fraction;
};

// A voxel without weight does not matter: it may be NaN or infinite.
template <class T>
__device__ __forceinline__ double between(double a, double b, double t) {
  const double mixed = (1.0 - t) * a + t * b;
  if constexpr (Limits<T>::integer) return mixed;
  const double below_one = t < 1.0 ? mixed : b;
  return t > 0.0 ? below_one : a;
}

template <class Out>
__device__ __forceinline__ Out stored_place(double value, int boolean) {
  if (boolean) return static_cast<Out>(value > 0.5 ? 1 : 0);
  return saturated<Out>(value);
}

// places: of z, y and x.
template <class T>
__device__ __forceinline__ double value_at(const T* __restrict__ source, const Layout& from, const Place* places,
                                           int linear) {
  const T* const at = source + from.at(places[0].voxel, places[1].voxel, places[2].voxel);
  if (!linear) return static_cast<double>(*at);
  // An axis of one voxel has no pairs: its fractions are 0.
  const long long z = from.depth > 1 ? from.z : 0, y = from.height > 1 ? from.y : 0, x = from.width > 1 ? from.x : 0;
  double along_x[2];
  CORMACK_UNROLL
  for (int i = 0; i < 2; ++i) {
    double along_y[2];
    CORMACK_UNROLL
    for (int j = 0; j < 2; ++j) {
      const T* const here = at + j * y + i * x;
      along_y[j] = between<T>(static_cast<double>(here[0]), static_cast<double>(here[z]), places[0].fraction);
    }
    along_x[i] = between<T>(along_y[0], along_y[1], places[1].fraction);
  }
  return between<T>(along_x[0], along_x[1], places[2].fraction);
}

__device__ __forceinline__ Place place_of(double position, int extent, int linear) {
  constexpr double steps = 4294967296.0, shift = 16.0;
  const double last = extent - 1;
  position = position > 0.0 ? position : 0.0;
  position = position < last ? position : last;
  position = rounded(position * steps) * (1.0 / steps) + shift;
  if (!linear) return {static_cast<int>(position + 0.5) - 16, 0.0};
  int whole = static_cast<int>(position) - 16;
  const int most = extent < 2 ? 0 : extent - 2;
  whole = whole < most ? whole : most;
  return {whole, (position - shift) - static_cast<double>(whole)};
}

// Whether a position along an axis counts as the image, and where it lies.
__device__ __forceinline__ bool is_inside(double position, int extent, const AffinePlaces& map) {
  if (map.endless) return true;
  const double on_step = rounded(position * 4294967296.0) / 4294967296.0, last = extent - 1;
  return map.centres ? on_step >= 0.0 && !(on_step > last) : on_step >= -0.5 && !(on_step >= last + 0.5);
}
__device__ __forceinline__ double position_of(const AffinePlaces& map, int axis, long long z, long long y,
                                              long long x) {
  const double start =
      (map.matrix[3 * axis] * static_cast<double>(z) + map.matrix[3 * axis + 1] * static_cast<double>(y)) +
      map.offset[axis];
  return start + static_cast<double>(x) * map.matrix[3 * axis + 2];
}

template <class T, class Out>
__global__ void __launch_bounds__(256)
    affine_places(const T* __restrict__ source, Layout from, Out* __restrict__ target, Layout to, AffinePlaces map) {
  const int extent[3] = {from.depth, from.height, from.width};
  over_voxels(to, [&](long long z, long long y, long long x) {
    Place places[3];
    bool inside = true;
    CORMACK_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      const double position = position_of(map, axis, z, y, x);
      inside = inside && is_inside(position, extent[axis], map);
      places[axis] = place_of(position, extent[axis], map.linear);
    }
    const double value = inside ? value_at(source, from, places, map.linear) : map.cval;
    target[to.at(z, y, x)] = stored_place<Out>(value, map.boolean);
  });
}

// The same of a spline; extents are those of the image.
template <class Out>
__global__ void __launch_bounds__(256)
    spline_places(const double* __restrict__ values, Layout of, Out* __restrict__ target, Layout to, AffinePlaces map,
                  SplineAxes axes) {
  const int extent[3] = {of.depth, of.height, of.width};
  const long long stride[3] = {of.z, of.y, of.x};
  over_voxels(to, [&](long long z, long long y, long long x) {
    SplineTaps taps[3];
    bool inside = true;
    CORMACK_UNROLL
    for (int axis = 0; axis < 3; ++axis) {
      double position = position_of(map, axis, z, y, x);
      inside = inside && is_inside(position, extent[axis] - 2 * axes.pad[axis], map);
      position = position > axes.low[axis] ? position : axes.low[axis];
      position = position < axes.high[axis] ? position : axes.high[axis];
      // Truncation needs what is positive.
      position = rounded(position * 4294967296.0) * (1.0 / 4294967296.0) + 16.0;
      const int voxel = static_cast<int>(position) - 16;
      const double fraction = (position - 16.0) - static_cast<double>(voxel);
      taps[axis] = spline_taps(voxel + axes.shift[axis], fraction, extent[axis], stride[axis], axes.spline[axis]);
    }
    const double value = inside ? spline_at(values, taps) : map.cval;
    target[to.at(z, y, x)] = stored_place<Out>(value, map.boolean);
  });
}

// At the nodes of parallel axes: `voxels` and `fractions` of z, then y, then x.
template <class T, class Out>
__global__ void __launch_bounds__(256)
    node_places(const T* __restrict__ source, Layout from, Out* __restrict__ target, Layout to,
                const int* __restrict__ voxels, const double* __restrict__ fractions, int linear, int boolean) {
  over_voxels(to, [&](long long z, long long y, long long x) {
    const long long nodes[3] = {z, to.depth + y, to.depth + to.height + x};
    Place places[3];
    CORMACK_UNROLL
    for (int axis = 0; axis < 3; ++axis) places[axis] = {voxels[nodes[axis]], fractions[nodes[axis]]};
    target[to.at(z, y, x)] = stored_place<Out>(value_at(source, from, places, linear), boolean);
  });
}

template <class Out>
__global__ void __launch_bounds__(256)
    spline_nodes(const double* __restrict__ values, Layout of, Out* __restrict__ target, Layout to,
                 const int* __restrict__ voxels, const double* __restrict__ fractions, SplineAxes axes, int boolean) {
  const int extent[3] = {of.depth, of.height, of.width};
  const long long stride[3] = {of.z, of.y, of.x};
  over_voxels(to, [&](long long z, long long y, long long x) {
    const long long nodes[3] = {z, to.depth + y, to.depth + to.height + x};
    SplineTaps taps[3];
    CORMACK_UNROLL
    for (int axis = 0; axis < 3; ++axis)
      taps[axis] =
          spline_taps(voxels[nodes[axis]], fractions[nodes[axis]], extent[axis], stride[axis], axes.spline[axis]);
    target[to.at(z, y, x)] = stored_place<Out>(spline_at(values, taps), boolean);
  });
}

}  // namespace cormack::device
