#pragma once
// The loops behind moments, compiled per instruction set: eight partial sums combined in one order.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

struct MomentSums {
  double count, sum;
};

struct MomentsRows {
  // Number and sum of value - center, or of its square, where above < value < below.
  MomentSums (*sum)(const double* row, std::int64_t n, double above, double below, double center);
  MomentSums (*squares)(const double* row, std::int64_t n, double above, double below, double center);
};

CORMACK_TABLE(MomentsRows, moments_rows)

}  // namespace cormack
