#pragma once
// Minima and maxima of boxes, one pass along each axis; between passes stand keys, of one size with the pixels. NaN is
// larger than every number and -0 smaller than 0.
#include "filters/keys.hpp"
#include "filters/window_lines.cuh"

namespace cormack::device {

// Of pixels or of keys.
template <class T, bool least>
struct Extreme {
  using Value = typename Key<T>::Type;
  static __device__ __forceinline__ Value of(T pixel) { return Key<T>::of(pixel); }
  static __device__ __forceinline__ Value join(Value a, Value b) { return (a < b) == least ? a : b; }
};
template <class T, class Out>
struct Decoded {
  template <class>
  __device__ __forceinline__ Out value(typename Key<T>::Type key) const {
    return key;
  }
};
template <class T>
struct Decoded<T, T> {
  template <class>
  __device__ __forceinline__ T value(typename Key<T>::Type key) const {
    return Key<T>::value(key);
  }
};

// In and Out: T, or its keys.
template <class T, class In, class Out, bool least>
__global__ void __launch_bounds__(256, 4)
    extremum_lines(const In* __restrict__ source, Layout from, Out* __restrict__ target, Layout to, WindowLines window,
                   typename Key<T>::Type outside) {
  const Decoded<T, Out> finish{};
  if (window.tile > 0) join_windows<Extreme<In, least>>(source, from, target, to, window, outside, finish);
  else join_long_windows<Extreme<In, least>>(source, from, target, to, window, outside, finish);
}

}  // namespace cormack::device
