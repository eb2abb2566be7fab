#pragma once
// What reductions over an image share: every voxel inside a mask once, in no particular order.
#include "cuda/device.cuh"

namespace cormack::device {

// Where values are read: `dense` where the image, and its mask if there is one, have no gaps, in one order.
struct Inside {
  const unsigned char* mask;
  Layout mask_from, from;
  bool dense;
};

template <class T, class Visit>
__device__ __forceinline__ void for_each_voxel(const T* __restrict__ source, const Inside& inside, const Visit& visit) {
  const long long count = inside.from.size();
  for (long long i = thread_number(); i < count; i += thread_count()) {
    if (inside.mask != nullptr && inside.mask[inside.dense ? i : inside.mask_from.of(i)] == 0) continue;
    visit(source[inside.dense ? i : inside.from.of(i)]);
  }
}

}  // namespace cormack::device
