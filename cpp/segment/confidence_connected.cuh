#pragma once
// Region growing between mean +- multiplier * standard deviation of the region: the range is found on the device, from
// the same sums as on the CPU, floating ones in the same order.
#include "segment/connected_threshold.cuh"

namespace cormack::device {

// Places in the state of a growing.
enum : int { kLower, kUpper, kLeast, kMost, kDone, kStateSize };

template <class T>
struct BoundsOf {
  static constexpr double least = static_cast<double>(Limits<T>::lowest),
                          most = static_cast<double>(Limits<T>::highest);
};
template <>
struct BoundsOf<float> {
  static constexpr double most = 3.40282346638528859811704183484516925440e+38, least = -most;
};
template <>
struct BoundsOf<double> {
  static constexpr double most = 1.7976931348623157e308, least = -most;
};

__device__ __forceinline__ double square_root(double value) {
#if defined(__CUDA_ARCH__)
  return sqrt(value);
#else
  return __builtin_sqrt(value);
#endif
}

struct Spread {
  double mean, variance;
};
__device__ __forceinline__ Spread spread_of(double sum, double square, double count) {
  return {sum / count, count > 1 ? (square - sum * sum / count) / (count - 1) : 0.0};
}

// Returns whether the range is another than before.
template <class T>
__device__ __forceinline__ bool set_range(const Spread& spread, double multiplier, double* state) {
  const double reach = multiplier * square_root(0.0 < spread.variance ? spread.variance : 0.0);
  const double low = spread.mean - reach, high = spread.mean + reach;
  double lower = low < state[kLeast] ? low : state[kLeast], upper = state[kMost] < high ? high : state[kMost];
  lower = BoundsOf<T>::least < lower ? lower : BoundsOf<T>::least;
  upper = upper < BoundsOf<T>::most ? upper : BoundsOf<T>::most;
  lower = static_cast<double>(static_cast<T>(lower));
  upper = static_cast<double>(static_cast<T>(upper));
  const bool other = lower != state[kLower] || upper != state[kUpper];
  state[kLower] = lower;
  state[kUpper] = upper;
  return other;
}

template <class T>
struct Counted {
  const T* source;
  const unsigned char* mask;
  Layout from, mask_from;

  __device__ double value(int z, int y, int x) const { return static_cast<double>(source[from.at(z, y, x)]); }
  __device__ bool operator()(int z, int y, int x) const {
    if (mask != nullptr && mask[mask_from.at(z, y, x)] == 0) return false;
    const double number = value(z, y, x);
    return number - number == 0.0;
  }
};

// One thread. A seed is (z, y, x).
template <class T>
__global__ void first_range(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ mask,
                            Layout mask_from, const int* __restrict__ seeds, int seed_count, int rz, int ry, int rx,
                            double multiplier, double* __restrict__ state) {
  if (thread_number() > 0) return;
  const Counted<T> counted{source, mask, from, mask_from};
  constexpr double infinity = __builtin_bit_cast(double, 0x7FF0000000000000ull);
  const auto clamped = [](int i, int extent) { return i < 0 ? 0 : i < extent ? i : extent - 1; };
  state[kLeast] = infinity;
  state[kMost] = -infinity;
  double sum = 0, sum_of_means = 0, square = 0;
  long long count = 0, left_out = 0, used = 0;
  for (int s = 0; s < seed_count; ++s) {
    const int* const seed = seeds + 3 * s;
    if (!counted(seed[0], seed[1], seed[2])) continue;
    ++used;
    const double own = counted.value(seed[0], seed[1], seed[2]);
    if (own < state[kLeast]) state[kLeast] = own;
    if (state[kMost] < own) state[kMost] = own;
    double box_sum = 0, box_square = 0;
    long long box_count = 0;
    for (int dz = -rz; dz <= rz; ++dz)
      for (int dy = -ry; dy <= ry; ++dy)
        for (int dx = -rx; dx <= rx; ++dx) {
          const int z = clamped(seed[0] + dz, from.depth), y = clamped(seed[1] + dy, from.height);
          const int x = clamped(seed[2] + dx, from.width);
          if (!counted(z, y, x)) {
            ++left_out;
            continue;
          }
          const double value = counted.value(z, y, x);
          box_sum += value;
          box_square += value * value;
          ++box_count;
        }
    sum += box_sum;
    sum_of_means += box_sum / static_cast<double>(box_count);
    square += box_square;
    count += box_count;
  }
  state[kLower] = infinity;
  state[kUpper] = -infinity;
  state[kDone] = used == 0;
  if (used == 0) return;
  const double total = static_cast<double>(count);
  Spread spread = spread_of(sum, square, total);
  if ((rz > 0 || ry > 0 || rx > 0) && left_out == 0) {
    const double mean = sum_of_means / static_cast<double>(used);
    spread = {mean, (square - mean * mean * total) / (total - 1)};
  }
  set_range<T>(spread, multiplier, state);
}

template <class T>
__global__ void bits_in_found_range(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ mask,
                                    Layout mask_from, unsigned* __restrict__ bits, unsigned* __restrict__ parents,
                                    BitRows rows, const double* __restrict__ state) {
  collect_bits(source, from, mask, mask_from, bits, parents, rows, InRange{state[kLower], state[kUpper]});
}

// What is summed over a region: count, sum, and of squares the lower halves and the upper halves.
enum : int { kCount, kSum, kSquareLow, kSquareHigh, kSumsSize };

__device__ __forceinline__ void add_of_warp(unsigned long long own, unsigned long long* total) {
  CORMACK_UNROLL
  for (unsigned step = 16; step > 0; step /= 2) own += __shfl_xor_sync(kFullWarp, own, step);
  if (threadIdx.x % 32 == 0 && own != 0) atomicAdd(total, own);
}

// Of integers.
template <class T>
__global__ void __launch_bounds__(256)
    sum_region(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ region, Layout region_from,
               unsigned long long* __restrict__ sums) {
  unsigned long long own[kSumsSize] = {};
  const long long count = from.size();
  for (long long i = thread_number(); i < count; i += thread_count()) {
    if (region[region_from.of(i)] == 0) continue;
    const auto value = static_cast<long long>(source[from.of(i)]);
    const auto bits = static_cast<unsigned long long>(value), square = bits * bits;
    ++own[kCount];
    own[kSum] += bits;
    own[kSquareLow] += sizeof(T) <= 2 ? square : square & 0xffffffffu;
    own[kSquareHigh] += sizeof(T) <= 2 ? 0 : square >> 32;
  }
  CORMACK_UNROLL
  for (int k = 0; k < kSumsSize; ++k) add_of_warp(own[k], &sums[k]);
}

// Of floating numbers: one warp for each block of rows, whose first 16 lanes take every sixteenth value, as on the CPU.
template <class T>
__global__ void __launch_bounds__(128)
    sum_region_blocks(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ region,
                      Layout region_from, int rows_of_block, long long blocks, unsigned long long* __restrict__ sums,
                      double* __restrict__ block_sums) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const long long rows = static_cast<long long>(from.depth) * from.height;
  unsigned long long count = 0;
  for (long long block = thread_number() / 32; block < blocks; block += thread_count() / 32) {
    double sum = 0, square = 0;
    const long long last = (block + 1) * rows_of_block < rows ? (block + 1) * rows_of_block : rows;
    long long z = block * rows_of_block / from.height;
    for (long long row = block * rows_of_block; row < last; ++z) {
      const long long end = (z + 1) * from.height < last ? (z + 1) * from.height : last;
      double own_sum = 0, own_square = 0;
      for (; row < end; ++row) {
        for (int x = lane; lane < 16 && x < from.width; x += 16) {
          if (region[region_from.at(z, row - z * from.height, x)] == 0) continue;
          const double value = static_cast<double>(source[from.at(z, row - z * from.height, x)]);
          own_sum += value;
          own_square += value * value;
          ++count;
        }
      }
      CORMACK_UNROLL
      for (unsigned step = 8; step > 0; step /= 2) {
        own_sum += __shfl_down_sync(kFullWarp, own_sum, step);
        own_square += __shfl_down_sync(kFullWarp, own_square, step);
      }
      sum += own_sum;
      square += own_square;
    }
    if (lane == 0) {
      block_sums[2 * block] = sum;
      block_sums[2 * block + 1] = square;
    }
  }
  add_of_warp(count, &sums[kCount]);
}

// One thread. `repeated`: seeds as often as they are named beyond the first time, which ITK counts, too. blocks: of
// sum_region_blocks.
template <class T>
__global__ void next_range(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ mask,
                           Layout mask_from, const int* __restrict__ repeated, int repeated_count,
                           const unsigned long long* __restrict__ sums, const double* __restrict__ block_sums,
                           long long blocks, double multiplier, double* __restrict__ state) {
  if (thread_number() > 0 || state[kDone] != 0) return;
  const Counted<T> counted{source, mask, from, mask_from};
  double sum = 0, square = 0, count = static_cast<double>(sums[kCount]);
  if (Limits<T>::integer) {
    sum = static_cast<double>(static_cast<long long>(sums[kSum]));
    square = static_cast<double>(sums[kSquareHigh]) * 4294967296.0 + static_cast<double>(sums[kSquareLow]);
  } else {
    for (long long block = 0; block < blocks; ++block) {
      sum += block_sums[2 * block];
      square += block_sums[2 * block + 1];
    }
  }
  for (int i = 0; i < repeated_count; ++i) {
    const int* const seed = repeated + 3 * i;
    if (!counted(seed[0], seed[1], seed[2])) continue;
    const double value = counted.value(seed[0], seed[1], seed[2]);
    sum += value;
    square += value * value;
    count += 1;
  }
  const Spread spread = spread_of(sum, square, count);
  state[kDone] = spread.variance <= 0.1 * 2.220446049250313e-16 || !set_range<T>(spread, multiplier, state);
}

}  // namespace cormack::device
