#pragma once
// What InterpolationFormula needs beside the knots, for CPU and GPU.
#include <cmath>
#include <limits>

namespace cormack {

// Fills slope, below and above, `count` values each, and returns the formula's `inverse`.
inline double prepare_knots(const double* x, const double* y, int count, double* slope, double* below, double* above) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (int i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    slope[i] = last ? 0.0 : (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
    below[i] = i == 0 ? -infinity : x[i];
    above[i] = last ? infinity : x[i + 1];
  }
  const double inverse = count > 1 ? (count - 1) / (x[count - 1] - x[0]) : 0.0;
  return std::isfinite(inverse) ? inverse : 0.0;
}

}  // namespace cormack
