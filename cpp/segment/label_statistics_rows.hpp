#pragma once
// Sums over the values of a run of pixels. Compiled per instruction set.
#include <cmath>

#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

struct IntegerSums {
  std::int64_t sum = 0;
  std::uint64_t square_low = 0, square_high = 0;  // sum of squares = square_low + 2^32 square_high
  std::int64_t min = INT64_MAX, max = INT64_MIN;
};

struct FloatSums {
  double shift = 0;
  double sum = 0, square = 0;              // of value - shift
  double min = HUGE_VAL, max = -HUGE_VAL;  // of the values that are not NaN
  std::int64_t nan_count = 0;
};

// Adds n values; exact for n up to 2^20 and sums over up to 2^22 values.
template <class T>
using AddIntegers = void (*)(const T* values, std::int64_t n, IntegerSums& sums);
// Adds n values in an order that n alone fixes.
template <class T>
using AddFloats = void (*)(const T* values, std::int64_t n, FloatSums& sums);

// Sums of values and of values times their places in the run, 0 to n - 1, in an order that n alone fixes.
struct WeightSums {
  double weight = 0, moment = 0;
};
template <class T>
using Weigh = WeightSums (*)(const T* values, std::int64_t n);

struct LabelStatisticsRows {
  DTypeTable<AddIntegers> integers;  // null for floating point
  AddFloats<float> f32;
  AddFloats<double> f64;
  DTypeTable<Weigh> weigh;
};

CORMACK_TABLE(LabelStatisticsRows, label_statistics_rows)

}  // namespace cormack
