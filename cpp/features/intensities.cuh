#pragma once
// Statistics of the intensities of a region: counts of values by integer atomics, and float64 sums in a fixed order, of
// each thread's voxels and then of the threads of a block; blocks are added up on the host.
#include "features/level_formula.hpp"
#include "features/over_rows.cuh"
#include "features/texture_box.cuh"

namespace cormack::device {

template <class F>
__device__ __forceinline__ void over_region(const Layout& from, const unsigned char* __restrict__ inside,
                                            const IntensityMask& mask, const F& f) {
  over_rows(from.depth, from.height, from.width, [&](int z, int y, int x) {
    if (!mask.given || inside[mask.layout.at(z, y, x)] != 0) f(from.at(z, y, x));
  });
}

// Writes what `join` makes of the values of all threads of a block, by halves, to result[0]. Every thread of the block
// is here.
template <class Join>
__device__ __forceinline__ void joined(double* shared, double value, const Join& join, double* result) {
  const unsigned thread = threadIdx.y * blockDim.x + threadIdx.x;
  shared[thread] = value;
  __syncthreads();
  for (unsigned half = blockDim.x * blockDim.y / 2; half > 0; half /= 2) {
    if (thread < half) shared[thread] = join(shared[thread], shared[thread + half]);
    __syncthreads();
  }
  if (thread == 0) *result = shared[0];
  __syncthreads();
}

// Grey levels, 0 outside of the region, without gaps. A warp takes one row: what a loop over rows keeps in registers
// would spill at the division.
template <class T>
__global__ void __launch_bounds__(256)
    grey_levels(const T* __restrict__ image, Layout from, const unsigned char* __restrict__ inside, IntensityMask mask,
                LevelOf level, int* __restrict__ levels) {
  const long long row = static_cast<long long>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (row >= static_cast<long long>(from.depth) * from.height) return;
  const long long z = row / from.height, y = row - z * from.height;
  const T* const source = image + from.at(z, y, 0);
  const unsigned char* const chosen = inside + mask.layout.at(z, y, 0);
  int* const target = levels + row * from.width;
  for (int x = static_cast<int>(threadIdx.x); x < from.width; x += 32) {
    const bool in = !mask.given || chosen[x * mask.layout.x] != 0;
    target[x] = in ? level(static_cast<double>(source[x * from.x])) : 0;
  }
}

// [block][6]: sum, sum of squares, NaN and infinities, values, the smallest, the largest.
template <class T>
__global__ void __launch_bounds__(256)
    intensity_range(const T* __restrict__ image, Layout from, const unsigned char* __restrict__ inside,
                    IntensityMask mask, double* __restrict__ result) {
  CORMACK_SHARED(double, shared);
  double sum = 0, squares = 0, wrong = 0, count = 0;
  // Infinities are refused.
  double low = 1.7976931348623157e308, high = -low;
  over_region(from, inside, mask, [&](long long at) {
    const double value = static_cast<double>(image[at]);
    sum += value;
    squares += value * value;
    // The difference is NaN for an infinity too.
    wrong += value - value == 0 ? 0 : 1;
    count += 1;
    low = value < low ? value : low;
    high = value > high ? value : high;
  });
  double* const own = result + 6ll * blockIdx.x;
  const auto add = [](double a, double b) { return a + b; };
  joined(shared, sum, add, own);
  joined(shared, squares, add, own + 1);
  joined(shared, wrong, add, own + 2);
  joined(shared, count, add, own + 3);
  joined(shared, low, [](double a, double b) { return b < a ? b : a; }, own + 4);
  joined(shared, high, [](double a, double b) { return b > a ? b : a; }, own + 5);
}

// [block][7]: of the differences d from the mean their second, third and fourth powers and magnitudes, the magnitudes
// of those from the median, and the number and sum of d between two percentiles.
template <class T>
__global__ void __launch_bounds__(256)
    intensity_moments(const T* __restrict__ image, Layout from, const unsigned char* __restrict__ inside,
                      IntensityMask mask, double mean, double median, double low, double high,
                      double* __restrict__ result) {
  CORMACK_SHARED(double, shared);
  double sums[7] = {};
  over_region(from, inside, mask, [&](long long at) {
    const double value = static_cast<double>(image[at]), d = value - mean, square = d * d;
    const double from_median = value - median;
    sums[0] += square;
    sums[1] += square * d;
    sums[2] += square * square;
    sums[3] += d < 0 ? -d : d;
    sums[4] += from_median < 0 ? -from_median : from_median;
    const bool between = value >= low && value <= high;
    sums[5] += between ? 1.0 : 0.0;
    sums[6] += between ? d : 0.0;
  });
  CORMACK_UNROLL
  for (int i = 0; i < 7; ++i)
    joined(shared, sums[i], [](double a, double b) { return a + b; }, result + 7ll * blockIdx.x + i);
}

// [block]: of the magnitudes of differences from a center, between two percentiles.
template <class T>
__global__ void __launch_bounds__(256)
    intensity_deviation(const T* __restrict__ image, Layout from, const unsigned char* __restrict__ inside,
                        IntensityMask mask, double center, double low, double high, double* __restrict__ result) {
  CORMACK_SHARED(double, shared);
  double sum = 0;
  over_region(from, inside, mask, [&](long long at) {
    const double value = static_cast<double>(image[at]), d = value - center;
    sum += value >= low && value <= high ? (d < 0 ? -d : d) : 0.0;
  });
  joined(shared, sum, [](double a, double b) { return a + b; }, result + blockIdx.x);
}

// Integers of the order of values.
template <class T>
__device__ __forceinline__ unsigned long long ordered(T value) {
  return static_cast<unsigned long long>(static_cast<long long>(value) - static_cast<long long>(Limits<T>::lowest));
}
__device__ __forceinline__ unsigned long long ordered(float value) {
  unsigned bits = __builtin_bit_cast(unsigned, value);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ unsigned long long ordered(double value) {
  unsigned long long bits = __builtin_bit_cast(unsigned long long, value);
  return bits >> 63 ? ~bits : bits | 0x8000000000000000ull;
}

// How many values have each `ordered` number, less `first`, without its lowest `shift` bits, of those where this is
// below `size`: [prefix][size] where several prefixes, firsts, are looked for.
template <class T, bool in_shared>
__global__ void __launch_bounds__(256)
    intensity_counts(const T* __restrict__ image, Layout from, const unsigned char* __restrict__ inside,
                     IntensityMask mask, const unsigned long long* __restrict__ firsts, int prefixes, int shift,
                     int size, unsigned* __restrict__ counts) {
  CORMACK_SHARED(unsigned, tally);
  const int thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
  if constexpr (in_shared) {
    for (int i = thread; i < prefixes * size; i += static_cast<int>(blockDim.x * blockDim.y)) tally[i] = 0;
    __syncthreads();
  }
  over_region(from, inside, mask, [&](long long at) {
    const unsigned long long key = ordered(image[at]);
    for (int k = 0; k < prefixes; ++k) {
      const unsigned long long place = (key - firsts[k]) >> shift;
      if (key < firsts[k] || place >= static_cast<unsigned long long>(size)) continue;
      if constexpr (in_shared) atomicAdd(tally + k * size + static_cast<int>(place), 1u);
      else atomicAdd(counts + static_cast<long long>(k) * size + static_cast<long long>(place), 1u);
    }
  });
  if constexpr (in_shared) {
    __syncthreads();
    for (int i = thread; i < prefixes * size; i += static_cast<int>(blockDim.x * blockDim.y))
      if (tally[i] != 0) atomicAdd(counts + i, tally[i]);
  }
}

}  // namespace cormack::device
