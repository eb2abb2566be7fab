#pragma once
// Windows and rescaling: any dtype to any dtype in float64, rounded once, as on the CPU.
#include "cuda/device.cuh"
#include "pointwise/map_formulas.hpp"

namespace cormack::device {

// `nan` is what NaN becomes in an integer result.
template <class S, class D, class Formula>
__device__ __forceinline__ D mapped(S value, const Formula& formula, double nan) {
  double result = formula(static_cast<double>(value));
  if constexpr (!Limits<S>::integer && Limits<D>::integer) result = result == result ? result : nan;
  return saturated<D>(result);
}

// `dense`: both without gaps, in one order.
template <class S, class D>
__global__ void linear_map(const S* __restrict__ source, Layout from, D* __restrict__ target, Layout to, bool dense,
                           LinearFormula formula) {
  const long long count = from.size();
  for (long long i = thread_number(); i < count; i += thread_count())
    target[dense ? i : to.of(i)] = mapped<S, D>(source[dense ? i : from.of(i)], formula, formula.low);
}

}  // namespace cormack::device
