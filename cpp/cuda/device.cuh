#pragma once
// What every kernel starts from. nvcc, NVRTC (which has no standard headers, so nothing below includes one) and, with
// CORMACK_SHIM, g++ and clang compile it: the shim runs kernels on the CPU, thread by thread.
#include "core/hd.hpp"
#include "cuda/layout.hpp"
#if defined(CORMACK_SHIM)
#include "cuda/shim.hpp"
#else
// The block's shared memory, as many bytes as its launch asks for. Arrays are laid out in it by hand: a static
// __shared__ array would keep its values from block to block under the shim, and hide what was never written.
#define CORMACK_SHARED(T, name)                                    \
  extern __shared__ __align__(16) unsigned char cormack_shared_[]; \
  T* const name = reinterpret_cast<T*>(cormack_shared_)
#endif

namespace cormack::device {

enum : unsigned { kFullWarp = 0xffffffffu };

// The number of this thread among all, and of all, in a one-dimensional launch.
__device__ __forceinline__ long long thread_number() {
  return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ long long thread_count() { return static_cast<long long>(gridDim.x) * blockDim.x; }

template <class T>
__global__ void fill(T* __restrict__ values, long long count, T value) {
  for (long long i = thread_number(); i < count; i += thread_count()) values[i] = value;
}

}  // namespace cormack::device
