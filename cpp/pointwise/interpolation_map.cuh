#pragma once
// Linear interpolation between knots, in float64, rounded once, as on the CPU.
#include "cuda/device.cuh"
#include "pointwise/map_formulas.hpp"

namespace cormack::device {

// knots: `count` values each of x, y, slope, below, above.
template <class T>
__global__ void interpolation_map(const T* __restrict__ source, Layout from, T* __restrict__ target, Layout to,
                                  bool dense, const double* __restrict__ knots, int count, double inverse) {
  const InterpolationFormula formula{knots,
                                     knots + count,
                                     knots + 2ll * count,
                                     knots + 3ll * count,
                                     knots + 4ll * count,
                                     inverse,
                                     static_cast<double>(count - 1),
                                     knots[count - 1]};
  const long long size = from.size();
  for (long long i = thread_number(); i < size; i += thread_count()) {
    const double value = static_cast<double>(source[dense ? i : from.of(i)]);
    target[dense ? i : to.of(i)] = static_cast<T>(formula(value, formula.knot(value)));
  }
}

}  // namespace cormack::device
