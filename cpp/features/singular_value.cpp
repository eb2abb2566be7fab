#include "features/singular_value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cormack {

double second_singular_value(double* a, std::int64_t n, double* work) {
  if (n < 2) return 0;
  double *d = work, *e = work + n;
  for (std::int64_t i = n - 1; i > 0; --i) {
    double* row = a + i * n;
    double scale = 0, h = 0;
    for (std::int64_t k = 0; k < i; ++k) scale += std::abs(row[k]);
    if (i == 1 || scale == 0) {
      e[i] = row[i - 1];
      continue;
    }
    for (std::int64_t k = 0; k < i; ++k) {
      row[k] /= scale;
      h += row[k] * row[k];
    }
    const double f = row[i - 1], g = f >= 0 ? -std::sqrt(h) : std::sqrt(h);
    e[i] = scale * g;
    h -= f * g;
    row[i - 1] = f - g;
    double dot = 0;
    for (std::int64_t j = 0; j < i; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k <= j; ++k) sum += a[j * n + k] * row[k];
      for (std::int64_t k = j + 1; k < i; ++k) sum += a[k * n + j] * row[k];
      e[j] = sum / h;
      dot += e[j] * row[j];
    }
    const double half = dot / (h + h);
    for (std::int64_t j = 0; j < i; ++j) {
      const double own = row[j];
      e[j] -= half * own;
      for (std::int64_t k = 0; k <= j; ++k) a[j * n + k] -= own * e[k] + e[j] * row[k];
    }
  }
  for (std::int64_t i = 0; i < n; ++i) d[i] = a[i * n + i];
  for (std::int64_t i = 1; i < n; ++i) e[i - 1] = e[i];
  e[n - 1] = 0;
  for (std::int64_t first = 0; first < n; ++first) {
    // Some iterations are enough; the bound is for what is not finite.
    for (int iteration = 0; iteration < 60; ++iteration) {
      std::int64_t m = first;
      for (; m + 1 < n; ++m) {
        const double around = std::abs(d[m]) + std::abs(d[m + 1]);
        if (std::abs(e[m]) <= std::numeric_limits<double>::epsilon() * around) break;
      }
      if (m == first) break;
      double g = (d[first + 1] - d[first]) / (2 * e[first]), r = std::hypot(g, 1.0);
      g = d[m] - d[first] + e[first] / (g + (g >= 0 ? r : -r));
      double sine = 1, cosine = 1, p = 0;
      std::int64_t i = m - 1;
      for (; i >= first; --i) {
        const double f = sine * e[i], b = cosine * e[i];
        r = std::hypot(f, g);
        e[i + 1] = r;
        if (r == 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        sine = f / r;
        cosine = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * sine + 2 * cosine * b;
        p = sine * r;
        d[i + 1] = g + p;
        g = cosine * r - b;
      }
      if (r == 0 && i >= first) continue;
      d[first] -= p;
      e[first] = g;
      e[m] = 0;
    }
  }
  double largest = 0, second = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = std::abs(d[i]);
    second = std::max(second, std::min(value, largest));
    largest = std::max(largest, value);
  }
  return second;
}

}  // namespace cormack
