#pragma once
// Region growing between two values: components of what is in the range, of which those of the seeds are kept.
// Templates, because several plans include them.
#include "segment/bit_rows.cuh"

namespace cormack::device {

enum : unsigned { kNoRoot = 0xffffffffu };

// A seed is (z, y, x).
template <int>
__global__ void find_seeds(const unsigned* __restrict__ bits, unsigned* parents, BitRows rows,
                           const int* __restrict__ seeds, long long count, unsigned* __restrict__ roots) {
  for (long long i = thread_number(); i < count; i += thread_count()) {
    const int z = seeds[3 * i], y = seeds[3 * i + 1], x = seeds[3 * i + 2];
    const long long word = (static_cast<long long>(z) * rows.height + y) * rows.words + x / 32;
    const unsigned value = bits[word];
    roots[i] = value >> (x % 32) & 1 ? root_of(parents, slot_of(word, value, x % 32)) : kNoRoot;
  }
}

// From here on a tree whose root is kNoRoot itself belongs to the region.
template <int>
__global__ void mark_roots(unsigned* __restrict__ parents, const unsigned* __restrict__ roots, long long count) {
  for (long long i = thread_number(); i < count; i += thread_count())
    if (roots[i] != kNoRoot) parents[roots[i]] = kNoRoot;
}

// One warp a word: the first lane of each run asks for it.
template <int>
__global__ void keep_marked(const unsigned* __restrict__ bits, const unsigned* __restrict__ parents, BitRows rows,
                            unsigned char* __restrict__ target, Layout to) {
  const unsigned lane = threadIdx.x % 32;
  const long long count = rows.size();
  for (long long word = thread_number() / 32; word < count; word += thread_count() / 32) {
    const unsigned value = bits[word];
    int kept = 0;
    if (run_starts(value) >> lane & 1) {
      unsigned slot = slot_of(word, value, static_cast<int>(lane)), parent = parents[slot];
      while (parent != slot && parent != kNoRoot) {
        slot = parent;
        parent = parents[slot];
      }
      kept = parent == kNoRoot;
    }
    const bool inside = value >> lane & 1;
    kept = __shfl_sync(kFullWarp, kept, inside ? run_start(value, static_cast<int>(lane)) : 0);
    const long long row = word / rows.words;
    const int x = static_cast<int>(word % rows.words) * 32 + static_cast<int>(lane);
    if (x < rows.width) target[to.at(row / rows.height, row % rows.height, x)] = inside && kept;
  }
}

}  // namespace cormack::device
