#pragma once
// From working precision to pixels.
#include "cuda/device.cuh"
#include "filters/separable_work.hpp"

namespace cormack::device {

__device__ __forceinline__ float root(float value) {
#if defined(CORMACK_SHIM)
  return __builtin_sqrtf(value);
#else
  return sqrtf(value);
#endif
}
__device__ __forceinline__ double root(double value) {
#if defined(CORMACK_SHIM)
  return __builtin_sqrt(value);
#else
  return sqrt(value);
#endif
}

template <class Out, class Work>
__device__ __forceinline__ Out stored(Work value, int boolean) {
  if constexpr (!Limits<Out>::integer) {
    return static_cast<Out>(value);
  } else {
    Out result;
    if constexpr (sizeof(Work) == 4) result = saturated_narrow<Out>(value);
    else result = saturated<Out>(value);
    return boolean && result > 1 ? Out{1} : result;
  }
}

}  // namespace cormack::device
