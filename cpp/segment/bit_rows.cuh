#pragma once
// Connected components of bit rows: runs of voxels along x are the nodes of a forest whose roots are their components'
// first runs. A word has at most 16 runs, and each a slot: slot = 16 * word + number of the run in its word. The path
// between two voxels may be of any length, for the number of launches does not depend on it. J. Playne and K. Hawick,
// "A new algorithm for parallel connected-component labelling on GPUs", IEEE TPDS 29(6), 2018.
#include "cuda/device.cuh"
#include "segment/bit_rows.hpp"

namespace cormack::device {

// The first voxels of the runs in a word.
__device__ __forceinline__ unsigned run_starts(unsigned word) { return word & ~(word << 1); }
// The slot of the run that holds a set bit.
__device__ __forceinline__ unsigned slot_of(long long word_number, unsigned word, int bit) {
  const unsigned upto = run_starts(word) & (0xffffffffu >> (31 - bit));
  return static_cast<unsigned>(word_number) * 16 + static_cast<unsigned>(__popc(upto)) - 1;
}
// The bit where the run that holds a set bit begins, in its word.
__device__ __forceinline__ int run_start(unsigned word, int bit) {
  return 31 - __clz(static_cast<int>(run_starts(word) & (0xffffffffu >> (31 - bit))));
}

__device__ __forceinline__ unsigned root_of(unsigned* parents, unsigned slot) {
  unsigned parent = parents[slot];
  while (parent != slot) {
    // Only roots change in other threads, so this one may shorten the path.
    const unsigned above = parents[parent];
    if (above != parent) parents[slot] = above;
    slot = parent;
    parent = above;
  }
  return slot;
}

__device__ __forceinline__ void unite(unsigned* parents, unsigned a, unsigned b) {
  for (;;) {
    a = root_of(parents, a);
    b = root_of(parents, b);
    if (a == b) return;
    const unsigned low = a < b ? a : b, high = a < b ? b : a;
    if (atomicCAS(&parents[high], high, low) == high) return;
    a = low;
    b = high;
  }
}

// Voxels that `test` and a mask choose, one warp a word; every run is a tree of its own.
template <class T, class Test>
__device__ __forceinline__ void collect_bits(const T* __restrict__ source, const Layout& from,
                                             const unsigned char* __restrict__ mask, const Layout& mask_from,
                                             unsigned* __restrict__ bits, unsigned* __restrict__ parents,
                                             const BitRows& rows, const Test& test) {
  const unsigned lane = threadIdx.x % 32;
  const long long count = rows.size();
  for (long long word = thread_number() / 32; word < count; word += thread_count() / 32) {
    const long long row = word / rows.words, z = row / rows.height, y = row % rows.height;
    const int x = static_cast<int>(word % rows.words) * 32 + static_cast<int>(lane);
    bool inside = x < rows.width;
    if (inside && mask != nullptr) inside = mask[mask_from.at(z, y, x)] != 0;
    if (inside) inside = test(source[from.at(z, y, x)]);
    const unsigned value = __ballot_sync(kFullWarp, inside);
    if (lane == 0) bits[word] = value;
    if (run_starts(value) >> lane & 1) {
      const unsigned slot = slot_of(word, value, static_cast<int>(lane));
      parents[slot] = slot;
    }
  }
}

struct InRange {
  double lower, upper;
  template <class T>
  __device__ bool operator()(T value) const {
    const double number = static_cast<double>(value);
    return number >= lower && number <= upper;
  }
};
struct NotZero {
  template <class T>
  __device__ bool operator()(T value) const {
    return value != T{0};
  }
};

template <class T>
__global__ void bits_in_range(const T* __restrict__ source, Layout from, const unsigned char* __restrict__ mask,
                              Layout mask_from, unsigned* __restrict__ bits, unsigned* __restrict__ parents,
                              BitRows rows, double lower, double upper) {
  collect_bits(source, from, mask, mask_from, bits, parents, rows, InRange{lower, upper});
}

template <class T>
__global__ void bits_not_zero(const T* __restrict__ source, Layout from, unsigned* __restrict__ bits,
                              unsigned* __restrict__ parents, BitRows rows) {
  collect_bits(source, from, static_cast<const unsigned char*>(nullptr), from, bits, parents, rows, NotZero{});
}

// Unites the runs of word `a` with those of word `b` where bits of `common` meet: bit i of a with bit i - shift of b.
__device__ __forceinline__ void unite_words(unsigned* parents, long long a_number, unsigned a, long long b_number,
                                            unsigned b, unsigned common, int shift) {
  for (unsigned rest = run_starts(common); rest; rest &= rest - 1) {
    const int bit = __ffs(static_cast<int>(rest)) - 1;
    unite(parents, slot_of(a_number, a, bit), slot_of(b_number, b, bit - shift));
  }
}

// One thread a word. `steps`: how many coordinates may change by one between neighbours.
// A template, as every kernel of a header that several plans include must be: else each would define it.
template <int>
__global__ void __launch_bounds__(256)
    unite_runs(const unsigned* __restrict__ bits, unsigned* parents, BitRows rows, int steps) {
  const long long count = rows.size();
  for (long long word = thread_number(); word < count; word += thread_count()) {
    const unsigned own = bits[word];
    if (own == 0) continue;
    const long long row = word / rows.words;
    const int x = static_cast<int>(word % rows.words), y = static_cast<int>(row % rows.height);
    const int z = static_cast<int>(row / rows.height);
    if (x > 0 && (own & 1) && bits[word - 1] >> 31)
      unite(parents, slot_of(word, own, 0), slot_of(word - 1, bits[word - 1], 31));
    // The rows before: (z, y - 1), (z - 1, y), (z - 1, y - 1), (z - 1, y + 1).
    for (int i = 0; i < (steps > 1 ? 4 : 2); ++i) {
      const int dz = i > 0 ? -1 : 0, dy = i == 0 || i == 2 ? -1 : i == 3 ? 1 : 0;
      if (z + dz < 0 || y + dy < 0 || y + dy >= rows.height) continue;
      const long long beside = word + (static_cast<long long>(dz) * rows.height + dy) * rows.words;
      const unsigned other = bits[beside];
      unite_words(parents, word, own, beside, other, own & other, 0);
      if ((dz != 0) + (dy != 0) + 1 > steps) continue;
      // Where the other row has a voxel at the same x, what is diagonal to it is of its run.
      unite_words(parents, word, own, beside, other, own & other << 1 & ~other, 1);
      unite_words(parents, word, own, beside, other, own & other >> 1 & ~other, -1);
      if (x > 0 && (own & 1) && bits[beside - 1] >> 31)
        unite(parents, slot_of(word, own, 0), slot_of(beside - 1, bits[beside - 1], 31));
      if (x + 1 < rows.words && own >> 31 && (bits[beside + 1] & 1))
        unite(parents, slot_of(word, own, 31), slot_of(beside + 1, bits[beside + 1], 0));
    }
  }
}

}  // namespace cormack::device
