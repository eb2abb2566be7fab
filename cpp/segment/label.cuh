#pragma once
// Numbers of connected components, from 1 in the order of their first voxels, whatever the order of threads.
#include "cuda/scan.cuh"
#include "segment/bit_rows.cuh"

namespace cormack::device {

// Which runs of a word are roots; all others point to theirs from now on.
__global__ void __launch_bounds__(256) find_roots(const unsigned* __restrict__ bits, unsigned* parents, BitRows rows,
                                                  unsigned* __restrict__ roots, unsigned* __restrict__ counts) {
  const long long count = rows.size();
  for (long long word = thread_number(); word < count; word += thread_count()) {
    const int runs = __popc(run_starts(bits[word]));
    unsigned found = 0;
    for (int run = 0; run < runs; ++run) {
      const unsigned slot = static_cast<unsigned>(word) * 16 + static_cast<unsigned>(run);
      const unsigned root = root_of(parents, slot);
      if (root == slot) found |= 1u << run;
      else parents[slot] = root;
    }
    roots[word] = found;
    counts[word] = static_cast<unsigned>(__popc(found));
  }
}

// One warp a word. `before`: how many roots the words before have.
__global__ void __launch_bounds__(256)
    write_labels(const unsigned* __restrict__ bits, const unsigned* __restrict__ parents, BitRows rows,
                 const unsigned* __restrict__ roots, const unsigned* __restrict__ before, int* __restrict__ target,
                 Layout to, int* __restrict__ total) {
  const unsigned lane = threadIdx.x % 32;
  const long long count = rows.size();
  for (long long word = thread_number() / 32; word < count; word += thread_count() / 32) {
    const unsigned value = bits[word];
    int number = 0;
    if (run_starts(value) >> lane & 1) {
      const unsigned root = parents[slot_of(word, value, static_cast<int>(lane))], at = root / 16;
      number = static_cast<int>(before[at]) + __popc(roots[at] & ((1u << root % 16) - 1)) + 1;
    }
    const bool inside = value >> lane & 1;
    number = __shfl_sync(kFullWarp, number, inside ? run_start(value, static_cast<int>(lane)) : 0);
    const long long row = word / rows.words;
    const int x = static_cast<int>(word % rows.words) * 32 + static_cast<int>(lane);
    if (x < rows.width) target[to.at(row / rows.height, row % rows.height, x)] = inside ? number : 0;
    if (word + 1 == count && lane == 0) *total = static_cast<int>(before[word]) + __popc(roots[word]);
  }
}

}  // namespace cormack::device
