#pragma once
// The loops behind rx_detector. Compiled per instruction set.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

struct RxRows {
  // Writes 1 (inside) or 0, then the `channels` rows of values, then their products (i, j <= i), each of n values; all
  // zero where a voxel does not count: outside, or, if `checked`, where a channel is not finite.
  void (*products)(const double* values, std::uint8_t* inside, std::int64_t n, int channels, bool checked,
                   double* products);
  void (*add)(double* sum, const double* values, double sign, std::int64_t n);
};

CORMACK_TABLE(RxRows, rx_rows)

}  // namespace cormack
