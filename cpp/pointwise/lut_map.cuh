#pragma once
// Entries of a table at integers; values outside take the nearest entry.
#include "cuda/device.cuh"

namespace cormack::device {

// Bits: the unsigned type of the result's size, for entries are moved, not interpreted.
template <class S, class Bits>
__global__ void lut_map(const S* __restrict__ source, Layout from, const Bits* __restrict__ table, long long size,
                        long long first, Bits* __restrict__ target, Layout to, bool dense) {
  const long long count = from.size();
  for (long long i = thread_number(); i < count; i += thread_count()) {
    long long at = static_cast<long long>(source[dense ? i : from.of(i)]) - first;
    at = at < 0 ? 0 : at >= size ? size - 1 : at;
    target[dense ? i : to.of(i)] = table[at];
  }
}

}  // namespace cormack::device
