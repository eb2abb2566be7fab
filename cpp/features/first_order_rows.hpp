#pragma once
// The sums behind first_order, over one block of float64 values. Compiled per instruction set: eight partial sums
// combined in one order, whatever the width of the registers.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

inline constexpr int kIntervals = 65535;

struct PowerSums {
  double sum, squares, not_finite;
};

struct CentralSums {
  double second, third, fourth;      // of value - mean
  double absolute, absolute_median;  // of value - mean, value - median
  double inside, inside_sum;         // number and sum of value - mean where low <= value <= high
};

struct FirstOrderRows {
  PowerSums (*power)(const double* values, std::int64_t n);
  CentralSums (*central)(const double* values, std::int64_t n, double mean, double median, double low, double high);
  // Sum of |value - center| where low <= value <= high.
  double (*robust)(const double* values, std::int64_t n, double center, double low, double high);
  // The interval of each value: a number below kIntervals that never decreases with the value, in [low, high];
  // kIntervals outside.
  void (*interval)(const double* values, std::int64_t n, double low, double high, double scale, std::uint16_t* result);
};

CORMACK_TABLE(FirstOrderRows, first_order_rows)

}  // namespace cormack
