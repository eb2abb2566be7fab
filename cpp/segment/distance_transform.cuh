#pragma once
// Distances to the nearest zero: along x from runs of bits, along y and z by a search around each voxel that goes as
// far out as a zero could still be nearer. Squares are summed in float64 in one way whatever the order of the search,
// so results are those of the CPU where it searches too, and within rounding elsewhere.
#include "cuda/device.cuh"

namespace cormack::device {

// More than any distance in voxels.
enum : int { kNoZero = 1 << 30 };

// By the bits of floats, of which a GPU may take the smallest for 0.
template <class T>
__device__ __forceinline__ bool is_zero(T value) {
  return value == 0;
}
template <>
__device__ __forceinline__ bool is_zero(float value) {
  return __builtin_bit_cast(unsigned, value) << 1 == 0;
}

// A warp per row: how far each voxel is from the next zero of its row. Reads every voxel once, writes its distance
// twice and reads it once.
template <class T>
__global__ void __launch_bounds__(256) distances_along_rows(const T* __restrict__ mask, Layout from, int* distances) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const long long rows = static_cast<long long>(from.depth) * from.height, warps = thread_count() / 32;
  const int words = (from.width + 31) / 32;
  for (long long row = thread_number() / 32; row < rows; row += warps) {
    const T* const line = mask + from.at(row / from.height, row % from.height, 0);
    int* const result = distances + row * from.width;
    int zero = -kNoZero;  // the last one met
    for (int word = 0; word < words; ++word) {
      const int x = 32 * word + lane;
      const bool inside = x < from.width;
      const unsigned zeros = __ballot_sync(kFullWarp, inside && is_zero(line[x * from.x]));
      const unsigned here = zeros & (kFullWarp >> (31 - lane));
      const int last = here ? 32 * word + 31 - __clz(static_cast<int>(here)) : zero;
      if (inside) result[x] = last == -kNoZero ? int{kNoZero} : x - last;
      if (zeros) zero = 32 * word + 31 - __clz(static_cast<int>(zeros));
    }
    zero = kNoZero;
    for (int word = words - 1; word >= 0; --word) {
      const int x = 32 * word + lane;
      const bool inside = x < from.width;
      // Every lane reads what it wrote itself.
      const int before = inside ? result[x] : 1;
      const unsigned zeros = __ballot_sync(kFullWarp, before == 0);
      const unsigned here = zeros & (kFullWarp << lane);
      const int next = here ? 32 * word + __ffs(static_cast<int>(here)) - 1 : zero;
      const int behind = next == kNoZero ? int{kNoZero} : next - x;
      if (inside && behind < before) result[x] = behind;
      if (zeros) zero = 32 * word + __ffs(static_cast<int>(zeros)) - 1;
    }
  }
}

struct Squares {
  double weight;
  static __device__ __forceinline__ double infinity() { return __builtin_bit_cast(double, 0x7ff0000000000000ull); }
  __device__ __forceinline__ double of(int distance) const {
    const double d = distance;
    return distance >= kNoZero ? infinity() : weight * (d * d);
  }
  __device__ __forceinline__ double of(float square) const { return square; }
  __device__ __forceinline__ double of(double square) const { return square; }
};

// Takes another axis in, which comes first in both layouts: from distances along x, whose square has the weight
// `before`, or from squares, to squares or, at last, to distances. One write, and one read of each voxel that is as
// near as the nearest zero, through the caches.
template <class In, class Out>
__global__ void __launch_bounds__(256)
    distances_along_axis(const In* __restrict__ source, Layout from, Out* __restrict__ target, Layout to, double before,
                         double weight, double scale, int last) {
  const Squares squares{before};
  for (long long i = thread_number(); i < from.size(); i += thread_count()) {
    const long long row = i / from.width, x = i % from.width, y = row % from.height;
    const int z = static_cast<int>(row / from.height);
    const In* const line = source + y * from.y + x * from.x;
    double best = squares.of(line[z * from.z]);
    for (int d = 1; d < from.depth; ++d) {
      const double square = weight * (static_cast<double>(d) * static_cast<double>(d));
      if (!(best > square) || (d > z && z + d >= from.depth)) break;
      if (d <= z) {
        const double found = squares.of(line[(z - d) * from.z]) + square;
        best = found < best ? found : best;
      }
      if (z + d < from.depth) {
        const double found = squares.of(line[(z + d) * from.z]) + square;
        best = found < best ? found : best;
      }
    }
#if defined(CORMACK_SHIM)
    target[to.at(z, y, x)] = static_cast<Out>(last ? scale * __builtin_sqrt(best) : best);
#else
    target[to.at(z, y, x)] = static_cast<Out>(last ? scale * sqrt(best) : best);
#endif
  }
}

}  // namespace cormack::device
