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
  // Adds `sign` times the values.
  void (*add)(double* sum, const double* values, double sign, std::int64_t n);
  // ring[x] = the sum of values[x - outer .. x + outer] without that of values[x - inner .. x + inner], for all x with
  // `outer` values before and behind them, from n + 1 prefix sums for each window.
  void (*ring)(const double* outer_sums, const double* inner_sums, std::int64_t outer, std::int64_t inner,
               std::int64_t n, double* ring);
  // The distances of n values from the counts, sums and sums of squares of their rings.
  void (*distances)(const double* values, const double* counts, const double* sums, const double* squares,
                    double regularization, std::int64_t n, double* distances);
};

CORMACK_TABLE(RxRows, rx_rows)

}  // namespace cormack
