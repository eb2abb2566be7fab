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

extern const RxRows rx_rows;
const RxRows rx_rows{products, add};

}  // namespace cormack::CORMACK_ISA
