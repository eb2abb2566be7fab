#include <cmath>
#include <limits>

#include "detect/rx_rows.hpp"

namespace cormack::CORMACK_ISA {

static void products(const double* values, std::uint8_t* inside, std::int64_t n, int channels, bool checked,
                     double* result) {
  if (checked) {
    for (int c = 0; c < channels; ++c) {
      const double* row = values + c * n;
      // Zero times anything but a finite number is NaN.
      for (std::int64_t x = 0; x < n; ++x) inside[x] &= row[x] * 0.0 == 0.0;
    }
  }
  for (std::int64_t x = 0; x < n; ++x) result[x] = inside[x] ? 1.0 : 0.0;
  for (int c = 0; c < channels; ++c) {
    const double* row = values + c * n;
    double* to = result + (1 + c) * n;
    for (std::int64_t x = 0; x < n; ++x) to[x] = inside[x] ? row[x] : 0.0;
  }
  double* to = result + (1 + channels) * n;
  for (int i = 0; i < channels; ++i)
    for (int j = 0; j <= i; ++j, to += n) {
      const double *a = result + (1 + i) * n, *b = result + (1 + j) * n;
      for (std::int64_t x = 0; x < n; ++x) to[x] = a[x] * b[x];
    }
}

static void add(double* sum, const double* values, double sign, std::int64_t n) {
  for (std::int64_t x = 0; x < n; ++x) sum[x] += sign * values[x];
}

static void ring(const double* outer_sums, const double* inner_sums, std::int64_t outer, std::int64_t inner,
                 std::int64_t n, double* result) {
  const double *first = outer_sums - outer, *last = outer_sums + outer + 1;
  const double *from = inner_sums - inner, *to = inner_sums + inner + 1;
  for (std::int64_t x = outer; x < n - outer; ++x) result[x] = (last[x] - first[x]) - (to[x] - from[x]);
}

static void distances(const double* values, const double* counts, const double* sums, const double* squares,
                      double regularization, std::int64_t n, double* result) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::int64_t x = 0; x < n; ++x) {
    const double mean = sums[x] / counts[x], square = squares[x] / counts[x];
    double variance = square - mean * mean;
    // What is left of constant surroundings is rounding.
    variance = variance > 1e-13 * square ? variance : 0.0;
    variance += regularization * variance;
    const double difference = std::abs(values[x] - mean);
    const bool same = difference <= 1e-12 * (std::abs(values[x]) + std::abs(mean));
    // Divided by zero, any difference is infinite.
    const bool flat = same && variance == 0.0;
    double distance = (flat ? 0.0 : difference) / std::sqrt(flat ? 1.0 : variance);
    // Zero times anything but a finite number is NaN, and so is the result.
    distance = values[x] * 0.0 == 0.0 ? distance : nan;
    result[x] = counts[x] > 1.0 ? distance : nan;
  }
}

extern const RxRows rx_rows;
const RxRows rx_rows{products, add, ring, distances};

}  // namespace cormack::CORMACK_ISA
