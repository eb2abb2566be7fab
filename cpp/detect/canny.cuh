#pragma once
// Canny's edges: the CPU's steps, each with its order of operations, then hysteresis by components of bit rows. S is
// what is stored, A what is computed in.
#include "detect/canny_volume.hpp"
#include "segment/bit_rows.cuh"

namespace cormack::device {

__device__ __forceinline__ float root(float value) {
#if defined(__CUDA_ARCH__)
  return sqrtf(value);
#else
  return __builtin_sqrtf(value);
#endif
}
__device__ __forceinline__ double root(double value) {
#if defined(__CUDA_ARCH__)
  return sqrt(value);
#else
  return __builtin_sqrt(value);
#endif
}
template <class S>
__device__ __forceinline__ S magnitude(S value) {
  return value < 0 ? -value : value;
}
template <class S>
struct Epsilon {
  static constexpr S value = static_cast<S>(sizeof(S) == 4 ? 1.1920928955078125e-07 : 2.220446049250313e-16);
};

// `scaled`: integers of a 2-D image are fractions.
template <class T, class S>
__global__ void canny_source(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ mask,
                             Layout mask_from, double scale, S* __restrict__ target) {
  const long long count = from.size();
  const S factor = static_cast<S>(scale);
  for (long long i = thread_number(); i < count; i += thread_count()) {
    S value = static_cast<S>(source[from.of(i)]);
    if (factor != S{1}) {
      value = value * factor;
      value = value < S{-1} ? S{-1} : value;
    }
    if (mask != nullptr && mask[mask_from.of(i)] == 0) value = S{0};
    target[i] = value;
  }
}

template <class S>
__global__ void canny_mask(const unsigned char* __restrict__ mask, Layout from, S* __restrict__ target) {
  const long long count = from.size();
  for (long long i = thread_number(); i < count; i += thread_count()) target[i] = mask[from.of(i)] ? S{1} : S{0};
}

// Along one axis, whose positions lie `step` apart.
template <class S, class A>
__global__ void canny_smooth(const S* __restrict__ source, S* __restrict__ target, long long count, long long step,
                             int length, const A* __restrict__ weights, int radius, Border border) {
  for (long long i = thread_number(); i < count; i += thread_count()) {
    const long long place = i / step % length, line = i - place * step;
    const auto tap = [&](long long k) {
      const long long from = border_index(place + k, length, border);
      return from < 0 ? A{0} : static_cast<A>(source[line + from * step]);
    };
    A sum = tap(0) * weights[0];
    for (int k = radius; k > 0; --k) sum = sum + (tap(-k) + tap(k)) * weights[k];
    target[i] = static_cast<S>(sum);
  }
}

// By a smoothed mask.
template <class S>
__global__ void canny_divide(S* __restrict__ values, const S* __restrict__ by, long long count) {
  for (long long i = thread_number(); i < count; i += thread_count())
    values[i] = values[i] / (by[i] + Epsilon<S>::value);
}

// By the share of the window within the image. along_z, along_y: of each position.
template <class S, class A>
__global__ void canny_divide_by_window(S* __restrict__ values, CannyVolume volume, const S* __restrict__ along_z,
                                       const S* __restrict__ along_y, const A* __restrict__ weights, int radius) {
  const int width = volume.shape[2];
  for (long long i = thread_number(); i < volume.size(); i += thread_count()) {
    const long long row = i / width;
    const int x = static_cast<int>(i - row * width);
    const A line = static_cast<A>(along_y[row % volume.shape[1]]);
    A sum = line * weights[0];
    for (int k = radius; k > 0; --k)
      sum = sum + ((x - k < 0 ? A{0} : line) + (x + k >= width ? A{0} : line)) * weights[k];
    values[i] = values[i] / (static_cast<S>(sum) * along_z[row / volume.shape[1]] + Epsilon<S>::value);
  }
}

template <class S>
struct Gradient {
  S z, y, x;
};

// Sobel's, of an image that its border continues.
template <class S, class A>
__device__ __forceinline__ Gradient<S> gradient_at(const S* __restrict__ smooth, const CannyVolume& volume, int z,
                                                   int y, int x) {
  const auto inside = [](int i, int n) { return i < 0 ? 0 : i < n ? i : n - 1; };
  const int xs[3] = {inside(x - 1, volume.shape[2]), x, inside(x + 1, volume.shape[2])};
  if (volume.flat) {
    const S* const rows[3] = {smooth + volume.at(0, inside(y - 1, volume.shape[1]), 0), smooth + volume.at(0, y, 0),
                              smooth + volume.at(0, inside(y + 1, volume.shape[1]), 0)};
    S along[3], across[3];
    CORMACK_UNROLL
    for (int k = 0; k < 3; ++k) {
      along[k] = static_cast<S>(static_cast<A>(rows[k][xs[2]]) - static_cast<A>(rows[k][xs[0]]));
      across[k] = static_cast<S>(static_cast<A>(rows[2][xs[k]]) - static_cast<A>(rows[0][xs[k]]));
    }
    const A gx = static_cast<A>(along[1]) * 2 + (static_cast<A>(along[0]) + static_cast<A>(along[2]));
    const A gy = static_cast<A>(across[1]) * 2 + (static_cast<A>(across[0]) + static_cast<A>(across[2]));
    return {S{0}, static_cast<S>(gy) * static_cast<S>(static_cast<A>(volume.factor(1))),
            static_cast<S>(gx) * static_cast<S>(static_cast<A>(volume.factor(2)))};
  }
  S a[3], b[3], c[3];
  CORMACK_UNROLL
  for (int k = 0; k < 3; ++k) {
    S sums[3], differences[3];
    CORMACK_UNROLL
    for (int j = 0; j < 3; ++j) {
      const int row = inside(y + j - 1, volume.shape[1]);
      const S before = smooth[volume.at(inside(z - 1, volume.shape[0]), row, xs[k])];
      const S here = smooth[volume.at(z, row, xs[k])];
      const S after = smooth[volume.at(inside(z + 1, volume.shape[0]), row, xs[k])];
      sums[j] = here * 2 + (before + after);
      differences[j] = after - before;
    }
    a[k] = sums[1] * 2 + (sums[0] + sums[2]);
    b[k] = sums[2] - sums[0];
    c[k] = differences[1] * 2 + (differences[0] + differences[2]);
  }
  return {(c[1] * 2 + (c[0] + c[2])) * static_cast<S>(volume.factor(0)),
          (b[1] * 2 + (b[0] + b[2])) * static_cast<S>(volume.factor(1)),
          (a[2] - a[0]) * static_cast<S>(volume.factor(2))};
}

template <class S, class A>
__global__ void __launch_bounds__(256)
    canny_strength(const S* __restrict__ smooth, CannyVolume volume, S* __restrict__ strength) {
  const int width = volume.shape[2];
  for (long long i = thread_number(); i < volume.size(); i += thread_count()) {
    const long long row = i / width;
    const Gradient<S> g = gradient_at<S, A>(smooth, volume, static_cast<int>(row / volume.shape[1]),
                                            static_cast<int>(row % volume.shape[1]), static_cast<int>(i - row * width));
    strength[i] = volume.flat ? root(g.y * g.y + g.x * g.x) : root(g.z * g.z + g.y * g.y + g.x * g.x);
  }
}

// Whether the strength is at least that of both neighbours along the gradient, as scikit-image interpolates.
template <class S>
__device__ __forceinline__ bool ridge_2d(const S* at, long long below, const Gradient<S>& g, const double* spacing) {
  const S u = g.y / static_cast<S>(spacing[1]), v = g.x / static_cast<S>(spacing[2]), here = *at;
  const S a = magnitude(u), b = magnitude(v);
  const bool same = (u <= 0) == (v <= 0), steep = same ? a > b : !(a < b);
  const S w = steep ? b / a : a / b;
  const long long up = same ? below : -below, ahead = steep ? up : 1;
  const double share = static_cast<double>(w), own = static_cast<double>(here);
  const double first = static_cast<double>(at[up + 1] * w) + static_cast<double>(at[ahead]) * (1.0 - share);
  const double second = static_cast<double>(at[-up - 1] * w) + static_cast<double>(at[-ahead]) * (1.0 - share);
  return first <= own && second <= own;
}

template <class S>
__device__ __forceinline__ bool ridge_3d(const S* at, long long plane, long long row, const Gradient<S>& g,
                                         const double* spacing) {
  const double u = static_cast<double>(g.z) / spacing[0], v = static_cast<double>(g.y) / spacing[1];
  const double w = static_cast<double>(g.x) / spacing[2];
  const double a = magnitude(u), b = magnitude(v), c = magnitude(w);
  const bool along_z = a > (b > c ? b : c), along_y = !along_z && b > c, along_x = !along_z && !along_y;
  const double length = along_z ? a : along_y ? b : c;
  const double first = (along_z ? b : a) / length, last = (along_x ? b : c) / length;
  const long long z = u > 0 ? plane : -plane, y = v > 0 ? row : -row, x = w > 0 ? 1 : -1;
  const long long main = along_z ? z : along_y ? y : x, one = along_z ? y : z, other = along_x ? y : x;
  const double here = static_cast<double>(*at);
  for (int sign = 1; sign >= -1; sign -= 2) {
    const auto value = [&](long long step) { return static_cast<double>(at[sign * step]); };
    const double low = value(main) * (1.0 - last) + value(main + other) * last;
    const double high = value(main + one) * (1.0 - last) + value(main + one + other) * last;
    if (!(low * (1.0 - first) + high * first <= here)) return false;
  }
  return true;
}

// Of voxels whose neighbours all lie within the image and the mask; one warp a word.
template <class S, class A>
__global__ void __launch_bounds__(128)
    canny_ridges(const S* __restrict__ smooth, const S* __restrict__ strength, CannyVolume volume,
                 const unsigned char* __restrict__ mask, Layout mask_from, double low, double high,
                 unsigned* __restrict__ weak, unsigned* __restrict__ strong, unsigned* __restrict__ parents,
                 BitRows rows) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int depth = volume.shape[0], height = volume.shape[1], width = volume.shape[2], reach = volume.flat ? 0 : 1;
  const S least = static_cast<S>(low), most = static_cast<S>(high);
  for (long long word = thread_number() / 32; word < rows.size(); word += thread_count() / 32) {
    const long long row = word / rows.words;
    const int z = static_cast<int>(row / height), y = static_cast<int>(row % height);
    const int x = static_cast<int>(word % rows.words) * 32 + lane;
    bool edge = x > 0 && x < width - 1 && y > 0 && y < height - 1 && z >= reach && z < depth - reach;
    const S* const at = strength + volume.at(z, y, x < width ? x : 0);
    edge = edge && *at >= least;
    if (edge && mask != nullptr) {
      for (int dz = -reach; dz <= reach; ++dz)
        for (int dy = -1; dy <= 1; ++dy)
          for (int dx = -1; dx <= 1; ++dx) edge = edge && mask[mask_from.at(z + dz, y + dy, x + dx)] != 0;
    }
    if (edge) {
      const Gradient<S> g = gradient_at<S, A>(smooth, volume, z, y, x);
      edge = volume.flat ? ridge_2d(at, width, g, volume.spacing)
                         : ridge_3d(at, static_cast<long long>(height) * width, width, g, volume.spacing);
    }
    const unsigned bits = __ballot_sync(kFullWarp, edge), high_bits = __ballot_sync(kFullWarp, edge && *at >= most);
    if (lane == 0) {
      weak[word] = bits;
      strong[word] = high_bits;
    }
    if (run_starts(bits) >> lane & 1) {
      const unsigned slot = slot_of(word, bits, lane);
      parents[slot] = slot;
    }
  }
}

// Which trees hold a strong voxel. One thread a word.
__global__ void __launch_bounds__(256)
    flag_roots(const unsigned* __restrict__ weak, const unsigned* __restrict__ strong, unsigned* parents, BitRows rows,
               unsigned char* flags) {
  for (long long word = thread_number(); word < rows.size(); word += thread_count())
    for (unsigned rest = strong[word]; rest; rest &= rest - 1)
      flags[root_of(parents, slot_of(word, weak[word], __ffs(static_cast<int>(rest)) - 1))] = 1;
}

// One warp a word.
__global__ void __launch_bounds__(256)
    keep_flagged(const unsigned* __restrict__ weak, unsigned* parents, BitRows rows,
                 const unsigned char* __restrict__ flags, unsigned char* __restrict__ target, Layout to) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (long long word = thread_number() / 32; word < rows.size(); word += thread_count() / 32) {
    const unsigned bits = weak[word];
    int kept = run_starts(bits) >> lane & 1 ? flags[root_of(parents, slot_of(word, bits, lane))] : 0;
    const bool inside = bits >> lane & 1;
    kept = __shfl_sync(kFullWarp, kept, inside ? static_cast<unsigned>(run_start(bits, lane)) : 0u);
    const long long row = word / rows.words;
    const int x = static_cast<int>(word % rows.words) * 32 + lane;
    if (x < rows.width) target[to.at(row / rows.height, row % rows.height, x)] = inside && kept != 0;
  }
}

}  // namespace cormack::device
