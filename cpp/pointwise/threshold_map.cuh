#pragma once
// Thresholds that enhance, suppress or make masks, in float64, rounded once, as on the CPU.
#include "pointwise/linear_map.cuh"

namespace cormack::device {

// `dense`: both without gaps, in one order.
template <class S, class D>
__global__ void threshold_map(const S* __restrict__ source, Layout from, D* __restrict__ target, Layout to, bool dense,
                              ThresholdFormula formula) {
  const long long count = from.size();
  for (long long i = thread_number(); i < count; i += thread_count())
    target[dense ? i : to.of(i)] = mapped<S, D>(source[dense ? i : from.of(i)], formula, 0.0);
}

}  // namespace cormack::device
