#pragma once
// The loops behind resample: float64 rows that do not overlap. Compiled per instruction set.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

inline constexpr int kMostTaps = 4;

struct ResampleRows {
  // dst[i] = weights[0] rows[0][i] + ... + weights[taps - 1] rows[taps - 1][i]; taps: 1, 2 or 4
  void (*combine)(const double* const* rows, const double* weights, int taps, double* dst, std::int64_t n);
  // dst[i] = the same of row[index[k * n + i]] and weights[k * n + i]
  void (*gather)(const double* row, const std::int32_t* index, const double* weights, int taps, double* dst,
                 std::int64_t n);
  // Turns n >= 2 values, `step` apart, into cubic B-spline coefficients, for `width` adjacent lines at once.
  void (*spline)(double* lines, std::int64_t step, std::int64_t n, std::int64_t width);
};

CORMACK_TABLE(ResampleRows, resample_rows)

}  // namespace cormack
