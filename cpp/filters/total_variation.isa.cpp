// Plain loops over padded rows, which compilers vectorise; sums in 16 partial sums that do not depend on the level.
#include <cmath>

#include "core/vec.hpp"
#include "filters/total_variation_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T, class Term>
static inline double sum_of(const T* values, std::int64_t n, Term term) {
  double lanes[kRowLanes] = {};
  std::int64_t i = 0;
  for (; i + kRowLanes <= n; i += kRowLanes) {
    for (std::int64_t k = 0; k < kRowLanes; ++k) lanes[k] += term(static_cast<double>(values[i + k]));
  }
  for (std::int64_t k = 0; i + k < n; ++k) lanes[k] += term(static_cast<double>(values[i + k]));
  for (std::int64_t half = kRowLanes / 2; half > 0; half /= 2) {
    for (std::int64_t k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

// Which rows there are is known to the compiler: y is absent in images of one row per plane.
template <class T, bool has_y, bool has_y_before, bool has_z_before>
static inline void primal_loop(const T* image, const T* x, const T* y, const T* z, const T* y_before, const T* z_before,
                               const T* scale, T* __restrict change, T* __restrict result, std::int64_t count) {
  const T scale_z = scale[0], scale_y = scale[1], scale_x = scale[2];
  for (std::int64_t i = 0; i < count; ++i) {
    T sum = (x[i - 1] - x[i]) * scale_x;
    if constexpr (has_y_before) sum += (y_before[i] - y[i]) * scale_y;
    else if constexpr (has_y) sum -= y[i] * scale_y;
    if constexpr (has_z_before) sum += (z_before[i] - z[i]) * scale_z;
    else sum -= z[i] * scale_z;
    change[i] = sum;
    result[i] = image[i] + sum;
  }
}

template <class T, bool has_y, bool has_y_before>
static inline void primal_any_z(const T* image, const DualRow<T>& field, const T* z_before, const T* y_before,
                                const T* scale, T* change, T* result, std::int64_t count) {
  const auto loop =
      z_before != nullptr ? primal_loop<T, has_y, has_y_before, true> : primal_loop<T, has_y, has_y_before, false>;
  loop(image, field.x, field.y, field.z, y_before, z_before, scale, change, result, count);
}

template <class T>
static double primal(const T* image, const DualRow<T>& field, const T* z_before, const T* y_before, const T* scale,
                     T* change, T* result, std::int64_t n) {
  const std::int64_t count = padded(n);
  const auto any_z = field.y == nullptr    ? primal_any_z<T, false, false>
                     : y_before == nullptr ? primal_any_z<T, true, false>
                                           : primal_any_z<T, true, true>;
  // Rows of the field follow each other; pages hold two or three, and the processor's own prefetch stops at each.
  const char* const next = reinterpret_cast<const char*>(field.z + 3 * (field.x - field.z + count));
  const auto bytes = (field.x - field.z + count) * static_cast<std::int64_t>(sizeof(T));
  for (std::int64_t at = 0; at < bytes; at += 64) prefetch(next + at);
  any_z(image, field, z_before, y_before, scale, change, result, count);
  return sum_of(change, n, [](double value) { return value * value; });
}

// As parameters, not as local variables, the pointers tell g++ that it need not compare them.
template <class T, bool has_y>
static inline void dual_loop(const T* result, const T* y_after, const T* z_after, const T* scale, T step,
                             T step_per_weight, T* __restrict x, T* __restrict y, T* __restrict z, T* __restrict slope,
                             std::int64_t count) {
  const T scale_z = scale[0], scale_y = scale[1], scale_x = scale[2];
  for (std::int64_t i = 0; i < count; ++i) {
    const T gx = (result[i + 1] - result[i]) * scale_x;
    const T gz = (z_after[i] - result[i]) * scale_z;
    T gy = 0;
    if constexpr (has_y) gy = (y_after[i] - result[i]) * scale_y;
    const T norm = std::sqrt(gx * gx + gy * gy + gz * gz);
    const T shrink = T(1) / (T(1) + norm * step_per_weight);
    slope[i] = norm;
    x[i] = (x[i] - step * gx) * shrink;
    z[i] = (z[i] - step * gz) * shrink;
    if constexpr (has_y) y[i] = (y[i] - step * gy) * shrink;
  }
}

template <class T>
static double dual(const T* result, const T* y_after, const T* z_after, const T* scale, T step, T step_per_weight,
                   const DualRow<T>& field, T* slope, std::int64_t n) {
  const std::int64_t count = padded(n);
  const auto loop = field.y != nullptr ? dual_loop<T, true> : dual_loop<T, false>;
  loop(result, y_after, z_after, scale, step, step_per_weight, field.x, field.y, field.z, slope, count);
  return sum_of(slope, n, [](double value) { return value; });
}

extern const TotalVariationTables total_variation_tables;
const TotalVariationTables total_variation_tables{{primal<float>, dual<float>}, {primal<double>, dual<double>}};

}  // namespace cormack::CORMACK_ISA
