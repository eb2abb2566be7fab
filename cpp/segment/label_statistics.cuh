#pragma once
// Sums over the objects of a label image, all of them integers, so that the order of threads leaves no trace. A thread
// walks along y and keeps what it knows of one object in registers; warps bring together what their lanes know.
#include "cuda/device.cuh"
#include "segment/fixed_point.hpp"

namespace cormack::device {

// Of an object: count; sums of z, y, x, of zz, yy, xx, zy, zx, yx; and of values: the sum, and the lower and the upper
// halves of squares, or of floating ones the sum in two parts and the number of NaN. Then the squared deviations of
// floating values in two parts.
enum : int { kObjectSums = 13, kObjectDeviations = 13, kObjectSize = 16 };
constexpr int kWalk = 32;

// Increases with the number, as unsigned.
__device__ __forceinline__ unsigned long long key_of(double value) {
  const unsigned long long bits = __builtin_bit_cast(unsigned long long, value);
  return bits >> 63 ? ~bits : bits | 1ull << 63;
}

__device__ __forceinline__ long long nearest(double value) {
#if defined(__CUDA_ARCH__)
  return static_cast<long long>(rint(value));
#else
  return static_cast<long long>(__builtin_rint(value));
#endif
}

__device__ __forceinline__ void add_fixed(const FixedPoint& point, double value, unsigned long long& first,
                                          unsigned long long& second) {
  const double scaled = value * point.scale;
  const long long whole = nearest(scaled);
  first += static_cast<unsigned long long>(whole);
  second += static_cast<unsigned long long>(nearest((scaled - static_cast<double>(whole)) * point.finer));
}

// What a thread knows of an object: what it counts along y.
struct Walk {
  int label, start, stop;
  unsigned n;
  unsigned long long y, yy, values[3], low, high;

  __device__ void begin(int of_label) {
    label = of_label;
    n = 0;
    y = yy = values[0] = values[1] = values[2] = high = 0;
    low = ~0ull;
  }
  __device__ void sums(int z, int x, unsigned long long* all) const {
    const unsigned long long count = n, sz = static_cast<unsigned>(z), sx = static_cast<unsigned>(x);
    const unsigned long long own[kObjectSums] = {count,     sz * count,      y,        sx * count,      sz * sz * count,
                                                 yy,        sx * sx * count, sz * y,   sz * sx * count, sx * y,
                                                 values[0], values[1],       values[2]};
    CORMACK_UNROLL
    for (int k = 0; k < kObjectSums; ++k) all[k] = own[k];
  }
};

struct Objects {
  unsigned long long* sums;
  int* boxes;                // start z, y, x, stop z, y, x
  unsigned long long* keys;  // of the smallest and the largest value
};

// Of one thread.
__device__ __forceinline__ void add_walk(const Walk& walk, int z, int x, const Objects& objects, bool valued) {
  if (walk.label <= 0 || walk.n == 0) return;
  unsigned long long all[kObjectSums];
  walk.sums(z, x, all);
  const long long at = walk.label;
  CORMACK_UNROLL
  for (int k = 0; k < kObjectSums; ++k)
    if (all[k]) atomicAdd(&objects.sums[at * kObjectSize + k], all[k]);
  const int box[6] = {z, walk.start, x, z + 1, walk.stop, x + 1};
  CORMACK_UNROLL
  for (int k = 0; k < 3; ++k) {
    atomicMin(&objects.boxes[at * 6 + k], box[k]);
    atomicMax(&objects.boxes[at * 6 + 3 + k], box[3 + k]);
  }
  if (!valued) return;
  atomicMin(&objects.keys[at * 2], walk.low);
  atomicMax(&objects.keys[at * 2 + 1], walk.high);
}

// Of a warp whose lanes share z.
__device__ __forceinline__ void add_walks(const Walk& walk, int z, int x, const Objects& objects, bool valued) {
  const unsigned lane = threadIdx.x % 32;
  bool pending = walk.label > 0 && walk.n > 0;
  for (;;) {
    const unsigned votes = __ballot_sync(kFullWarp, pending);
    if (votes == 0) return;
    const unsigned leader = static_cast<unsigned>(__ffs(static_cast<int>(votes))) - 1;
    const int label = __shfl_sync(kFullWarp, walk.label, leader);
    const bool mine = pending && walk.label == label;
    pending = pending && !mine;
    unsigned long long all[kObjectSums];
    walk.sums(z, x, all);
    int first_y = mine ? walk.start : 0x7fffffff, last_y = mine ? walk.stop : 0;
    int first_x = mine ? x : 0x7fffffff, last_x = mine ? x + 1 : 0;
    unsigned long long low = mine ? walk.low : ~0ull, high = mine ? walk.high : 0;
    CORMACK_UNROLL
    for (int k = 0; k < kObjectSums; ++k) all[k] = mine ? all[k] : 0;
    for (unsigned step = 16; step > 0; step /= 2) {
      CORMACK_UNROLL
      for (int k = 0; k < kObjectSums; ++k) all[k] += __shfl_xor_sync(kFullWarp, all[k], step);
      const int y0 = __shfl_xor_sync(kFullWarp, first_y, step), y1 = __shfl_xor_sync(kFullWarp, last_y, step);
      const int x0 = __shfl_xor_sync(kFullWarp, first_x, step), x1 = __shfl_xor_sync(kFullWarp, last_x, step);
      const unsigned long long below = __shfl_xor_sync(kFullWarp, low, step);
      const unsigned long long above = __shfl_xor_sync(kFullWarp, high, step);
      first_y = y0 < first_y ? y0 : first_y;
      last_y = y1 > last_y ? y1 : last_y;
      first_x = x0 < first_x ? x0 : first_x;
      last_x = x1 > last_x ? x1 : last_x;
      low = below < low ? below : low;
      high = above > high ? above : high;
    }
    if (lane != leader) continue;
    const long long at = label;
    CORMACK_UNROLL
    for (int k = 0; k < kObjectSums; ++k)
      if (all[k]) atomicAdd(&objects.sums[at * kObjectSize + k], all[k]);
    const int box[6] = {z, first_y, first_x, z + 1, last_y, last_x};
    CORMACK_UNROLL
    for (int k = 0; k < 3; ++k) {
      atomicMin(&objects.boxes[at * 6 + k], box[k]);
      atomicMax(&objects.boxes[at * 6 + 3 + k], box[3 + k]);
    }
    if (!valued) continue;
    atomicMin(&objects.keys[at * 2], low);
    atomicMax(&objects.keys[at * 2 + 1], high);
  }
}

__global__ void clear_objects(long long count, unsigned long long* __restrict__ sums, int* __restrict__ boxes,
                              unsigned long long* __restrict__ keys) {
  for (long long i = thread_number(); i < count; i += thread_count()) {
    for (int k = 0; k < kObjectSize; ++k) sums[i * kObjectSize + k] = 0;
    for (int k = 0; k < 3; ++k) {
      boxes[i * 6 + k] = 0x7fffffff;
      boxes[i * 6 + 3 + k] = 0;
    }
    keys[i * 2] = ~0ull;
    keys[i * 2 + 1] = 0;
  }
}

// Blocks of 32 x 4 threads. values: null where there are none.
template <class T>
__global__ void __launch_bounds__(128, 5)
    label_sums(const int* __restrict__ labels, Layout from, const T* __restrict__ values, Layout values_from,
               FixedPoint fixed, unsigned long long* __restrict__ sums, int* __restrict__ boxes,
               unsigned long long* __restrict__ keys) {
  const Objects objects{sums, boxes, keys};
  const bool valued = values != nullptr;
  const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  const int first = static_cast<int>(blockIdx.y * 4 + threadIdx.y) * kWalk;
  const int last = from.height - first < kWalk ? from.height : first + kWalk;
  for (int z = static_cast<int>(blockIdx.z); z < from.depth; z += static_cast<int>(gridDim.z)) {
    Walk walk{};
    walk.begin(0);
    for (int y = first; y < last && x < from.width; ++y) {
      const int label = labels[from.at(z, y, x)];
      if (label != walk.label) {
        add_walk(walk, z, x, objects, valued);
        walk.begin(label);
        walk.start = y;
      }
      if (label <= 0) continue;
      walk.stop = y + 1;
      ++walk.n;
      walk.y += static_cast<unsigned>(y);
      walk.yy += static_cast<unsigned long long>(y) * static_cast<unsigned>(y);
      if (!valued) continue;
      const T value = values[values_from.at(z, y, x)];
      const double number = static_cast<double>(value);
      if constexpr (Limits<T>::integer) {
        const auto bits = static_cast<unsigned long long>(static_cast<long long>(value)), square = bits * bits;
        walk.values[0] += bits;
        walk.values[1] += square & 0xffffffffu;
        walk.values[2] += square >> 32;
      } else if (number == number) {
        add_fixed(fixed, number, walk.values[0], walk.values[1]);
      } else {
        ++walk.values[2];
        continue;
      }
      const unsigned long long key = key_of(number);
      walk.low = key < walk.low ? key : walk.low;
      walk.high = key > walk.high ? key : walk.high;
    }
    add_walks(walk, z, x, objects, valued);
  }
}

// Squares of what floating values are away from their object's mean, in units of 1 / inverse_unit.
template <class T>
__global__ void __launch_bounds__(128)
    label_deviations(const int* __restrict__ labels, Layout from, const T* __restrict__ values, Layout values_from,
                     FixedPoint fixed, double inverse_unit, FixedPoint squares, unsigned long long* sums) {
  const int x = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  const int first = static_cast<int>(blockIdx.y * 4 + threadIdx.y) * kWalk;
  const int last = from.height - first < kWalk ? from.height : first + kWalk;
  for (int z = static_cast<int>(blockIdx.z); z < from.depth; z += static_cast<int>(gridDim.z)) {
    int current = 0;
    double mean = 0, remainder = 0;
    unsigned long long own = 0, rest = 0;
    const auto leave = [&] {
      if (current <= 0) return;
      unsigned long long* const at = sums + static_cast<long long>(current) * kObjectSize + kObjectDeviations;
      atomicAdd(&at[0], own);
      atomicAdd(&at[1], rest);
      own = rest = 0;
    };
    for (int y = first; y < last && x < from.width; ++y) {
      const int label = labels[from.at(z, y, x)];
      if (label != current) {
        leave();
        current = label;
        if (label > 0) {
          const unsigned long long* const at = sums + static_cast<long long>(label) * kObjectSize;
          const double whole = static_cast<double>(static_cast<long long>(at[10])) / fixed.scale;
          const double part = static_cast<double>(static_cast<long long>(at[11])) / fixed.finer / fixed.scale;
          const auto number = static_cast<double>(at[0]);
          mean = (whole + part) / number;
          // What its last bit leaves out, which small deviations of large values show.
          unsigned long long first_part = 0, second_part = 0;
          add_fixed(fixed, mean, first_part, second_part);
          const auto first_left = static_cast<long long>(at[10] - at[0] * first_part);
          const auto second_left = static_cast<long long>(at[11] - at[0] * second_part);
          remainder =
              (static_cast<double>(first_left) + static_cast<double>(second_left) / fixed.finer) / fixed.scale / number;
        }
      }
      if (label <= 0) continue;
      const double number = (static_cast<double>(values[values_from.at(z, y, x)]) - mean - remainder) * inverse_unit;
      if (number == number) add_fixed(squares, number * number, own, rest);
    }
    // Lanes of one object add as one.
    const int leader = __shfl_sync(kFullWarp, current, 0);
    if (__ballot_sync(kFullWarp, current == leader) == kFullWarp) {
      CORMACK_UNROLL
      for (unsigned step = 16; step > 0; step /= 2) {
        own += __shfl_xor_sync(kFullWarp, own, step);
        rest += __shfl_xor_sync(kFullWarp, rest, step);
      }
      if (threadIdx.x != 0) current = 0;
    }
    leave();
  }
}

}  // namespace cormack::device
