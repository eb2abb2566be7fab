#pragma once
// Separable filters in the CPU's order of sums: along z, y, x, each from the outermost pair of voxels inwards. With
// --fmad=false results are equal bit for bit.
//
// Kernels of a radius up to R take one pass: a block of 32 x 16 threads marches along z over a tile with its rim. Every
// thread keeps the last 2 R + 1 planes of its columns of voxels in registers; sums along z go through shared memory
// along y and x. One write, and (32 + 2 r) (16 + 2 r) / 512 reads of a voxel (1.9 for r = 4, 2.7 for r = 7), of which
// all but one come from the cache that neighbouring blocks share; marches of 64 planes begin with 2 R more.
#include "cuda/voxels.cuh"
#include "filters/separable_march.hpp"
#include "filters/separable_work.cuh"

namespace cormack::device {

template <class Work>
__device__ __forceinline__ Work pair_of(Work minus, Work plus, int odd) {
  return odd ? plus - minus : plus + minus;
}

// start + the weighted sum of values at[k * step]; of registers where `unrolled`.
template <int R, bool unrolled, class Work>
__device__ __forceinline__ Work weighted(Work start, const Work* at, int step, const Work* weights, int radius,
                                         int odd) {
  if constexpr (unrolled) {
    CORMACK_UNROLL
    for (int k = R; k > 0; --k)
      if (k <= radius) start += weights[k] * pair_of(at[-k * step], at[k * step], odd);
  } else {
    for (int k = radius; k > 0; --k) start += weights[k] * pair_of(at[-k * step], at[k * step], odd);
  }
  return start + weights[0] * at[0];
}

// Shared memory: lines of the passes along z and y, (32 + 2 r) * ((16 + 2 r) * channels + 16 * channels) values; of
// derivatives two channels and up to three. offsets: of derivatives, what the first pass begins with at each position,
// first to smooth and then to derive: `cval` times the weights that lie beyond a constant border.
template <class T, class Out, int R, int kind>
__global__ void __launch_bounds__(512, 1)
    separable_march(const T* __restrict__ source, Layout from, Out* __restrict__ target, Layout to,
                    const __grid_constant__ MarchTaps<typename WorkFor<T>::Type, R> taps, MarchAxes axes,
                    typename WorkFor<T>::Type cval, const typename WorkFor<T>::Type* __restrict__ offsets) {
  using Work = typename WorkFor<T>::Type;
  constexpr int kWidth = 32, kHeight = 16, kThreads = kWidth * kHeight, kPlanes = 2 * R + 1;
  constexpr int kEach = ((kWidth + 2 * R) * (kHeight + 2 * R) + kThreads - 1) / kThreads;
  // Loops that are not unrolled leave registers for longer rings.
  constexpr bool derives = kind != kSmooth, kUnrolled = R <= 4;
  CORMACK_SHARED(Work, shared);
  const int rz = axes.radius[0], ry = axes.radius[1], rx = axes.radius[2];
  const int cols = kWidth + 2 * rx, rows = kHeight + 2 * ry;
  const int column = static_cast<int>(threadIdx.x), line = static_cast<int>(threadIdx.y);
  const int left = static_cast<int>(blockIdx.x) * kWidth, top = static_cast<int>(blockIdx.y) * kHeight;
  const bool along_z = !derives || axes.count == 3, along_y = !derives || axes.count >= 2;
  Work* const first = shared;                        // of the pass along z, a second channel behind it
  Work* const first_derived = shared + rows * cols;  // where there is one
  Work* const second = shared + (derives && along_z ? 2 : 1) * rows * cols;
  const int plane = kHeight * cols;

  // Of my columns of voxels, times 4, for strides have any sign; 1: outside, 2: beyond a constant border along y.
  long long place[kEach];
  Work ring[kEach][kPlanes];
  CORMACK_UNROLL
  for (int i = 0; i < kEach; ++i) {
    const int e = line * kWidth + column + i * kThreads;
    place[i] = 1;
    if (e < rows * cols) {
      const long long y = border_index(static_cast<long long>(top) - ry + e / cols, from.height, axes.border[1]);
      const long long x = border_index(static_cast<long long>(left) - rx + e % cols, from.width, axes.border[2]);
      if (y >= 0 && x >= 0) place[i] = 4 * (y * from.y + x * from.x);
      if (axes.border[1] == Border::constant && y < 0) place[i] |= 2;
    }
    CORMACK_UNROLL
    for (int k = 0; k < kPlanes; ++k) ring[i][k] = 0;
  }
  const auto voxel = [&](int i, long long at) {
    if (place[i] & 1) return Work(0);
    // The first pass of derivatives counts what lies beyond a constant border for itself.
    if (at < 0) return derives ? Work(0) : cval;
    return static_cast<Work>(source[at * from.z + place[i] / 4]);
  };
  const auto next_plane = [&](long long z) {
    const long long at = border_index(z, from.depth, axes.border[0]);
    CORMACK_UNROLL
    for (int i = 0; i < kEach; ++i) {
      CORMACK_UNROLL
      for (int k = 0; k + 1 < kPlanes; ++k) ring[i][k] = ring[i][k + 1];
      ring[i][kPlanes - 1] = voxel(i, at);
    }
  };

  const int begin = static_cast<int>(blockIdx.z) * axes.steps;
  const int end = from.depth - begin < axes.steps ? from.depth : begin + axes.steps;
  if (rz > 0)
    for (int k = -R; k < R; ++k) next_plane(static_cast<long long>(begin) + k);
  for (int z = begin; z < end; ++z) {
    if (rz > 0) {
      next_plane(static_cast<long long>(z) + R);
    } else {
      CORMACK_UNROLL
      for (int i = 0; i < kEach; ++i) ring[i][R] = voxel(i, z);
    }
    Work smooth_offset = 0, derive_offset = 0;
    if (derives && along_z && axes.has_offsets) {
      smooth_offset = offsets[z];
      derive_offset = offsets[from.depth + z];
    }
    CORMACK_UNROLL
    for (int i = 0; i < kEach; ++i) {
      const int e = line * kWidth + column + i * kThreads;
      if (e >= rows * cols) continue;
      const bool beyond = place[i] & 2;
      if (derives && !along_z) {
        first[e] = beyond ? Work(0) : ring[i][R];
        continue;
      }
      first[e] = beyond ? cval
                        : weighted<R, true>(smooth_offset, &ring[i][R], 1, taps.smooth[0], rz,
                                            derives ? 0 : axes.smooth_odd[0]);
      if constexpr (derives)
        first_derived[e] =
            beyond ? cval : weighted<R, true>(derive_offset, &ring[i][R], 1, taps.derive[0], rz, axes.derive_odd[0]);
    }
    __syncthreads();
    for (int c = column; c < cols; c += kWidth) {
      const long long x = static_cast<long long>(left) - rx + c;
      const bool beyond = axes.border[2] == Border::constant && (x < 0 || x >= from.width);
      const Work* const at = first + (line + ry) * cols + c;
      const Work* const derived_at = first_derived + (line + ry) * cols + c;
      Work* const out = second + line * cols + c;
      if constexpr (!derives) {
        out[0] = beyond ? cval : weighted<R, kUnrolled>(Work(0), at, cols, taps.smooth[1], ry, axes.smooth_odd[1]);
      } else if (!along_y) {
        out[0] = beyond ? cval : at[0];
      } else {
        Work s = 0, d = 0;
        const int y = top + line;
        if (!along_z && axes.has_offsets && y < from.height) {
          s = offsets[y];
          d = offsets[from.height + y];
        }
        s = weighted<R, kUnrolled>(s, at, cols, taps.smooth[1], ry, 0);
        d = weighted<R, kUnrolled>(d, at, cols, taps.derive[1], ry, axes.derive_odd[1]);
        if (along_z && kind == kLaplace) d = weighted<R, kUnrolled>(d, derived_at, cols, taps.smooth[1], ry, 0);
        out[0] = beyond ? cval : s;
        // The second line of the Laplacian is the sum of two images, each with `cval` around it.
        out[plane] = !beyond ? d : along_z && kind == kLaplace ? 2 * cval : cval;
        if (along_z && kind == kGradient)
          out[2 * plane] = beyond ? cval : weighted<R, kUnrolled>(Work(0), derived_at, cols, taps.smooth[1], ry, 0);
      }
    }
    __syncthreads();
    if (left + column < from.width && top + line < from.height) {
      const Work* const at = second + line * cols + column + rx;
      Work value;
      if constexpr (!derives) {
        value = weighted<R, kUnrolled>(Work(0), at, 1, taps.smooth[2], rx, axes.smooth_odd[2]);
      } else {
        value = weighted<R, kUnrolled>(Work(0), at, 1, taps.derive[2], rx, axes.derive_odd[2]);
        if constexpr (kind == kGradient) value = value * value;
        const int more = along_z ? (kind == kLaplace ? 1 : 2) : along_y ? 1 : 0;
        for (int c = 1; c <= more; ++c) {
          const Work start = kind == kLaplace ? value : Work(0);
          const Work sum = weighted<R, kUnrolled>(start, at + c * plane, 1, taps.smooth[2], rx, 0);
          value = kind == kLaplace ? sum : value + sum * sum;
        }
        if constexpr (kind == kGradient) value = root(value);
      }
      target[to.at(z, top + line, left + column)] = stored<Out>(value, axes.boolean);
    }
  }
}

// Kernels of any radius: one pass for each axis; taps are read through the caches.
template <class In, class Out, class Work>
__global__ void __launch_bounds__(256)
    weighted_line(const In* __restrict__ source, Layout from, Work* sums, Layout mid, Out* target, Layout to,
                  const Work* __restrict__ weights, LinePass pass, Work outside) {
  const AxisOf along(from, pass.axis);
  over_voxels(from, [&](long long z, long long y, long long x) {
    const auto here = static_cast<int>(pass.axis == 0 ? z : pass.axis == 1 ? y : x);
    const In* const line = source + from.at(z, y, x) - here * along.stride;
    const bool near = here < pass.radius || along.extent - here <= pass.radius;
    const auto at = [&](int position) {
      const int index = near ? border_index_32(position, along.extent, pass.border) : position;
      if (index < 0) return pass.offsets ? Work(0) : outside;
      return static_cast<Work>(line[index * along.stride]);
    };
    Work* const place = sums + mid.at(z, y, x);
    Work sum = pass.start == kFromSum ? *place : Work(0);
    if (pass.offsets && near && pass.border == Border::constant)
      for (int k = -pass.radius; k <= pass.radius; ++k)
        if (here + k < 0 || here + k >= along.extent)
          sum += (pass.odd && k < 0 ? -weights[-k] : weights[k < 0 ? -k : k]) * outside;
    for (int k = pass.radius; k > 0; --k) sum += weights[k] * pair_of(at(here - k), at(here + k), pass.odd);
    sum += weights[0] * at(here);
    if (pass.finish == kStoreSquare) {
      *place = sum * sum;
    } else if (pass.finish == kAddSquare) {
      *place += sum * sum;
    } else {
      // Of one root, for which there is a call, fewer registers wait.
      if (pass.finish == kRootOfSquares || pass.finish == kRootOfSquare)
        sum = root((pass.finish == kRootOfSquares ? *place : Work(0)) + sum * sum);
      target[to.at(z, y, x)] = stored<Out>(sum, pass.boolean);
    }
  });
}

}  // namespace cormack::device
