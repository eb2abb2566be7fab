#include "core/saturate.hpp"
#include "core/vec.hpp"
#include "filters/correlate_rows.hpp"
#include "filters/masked_filter_rows.hpp"

namespace cormack::CORMACK_ISA {

template <int vectors, bool masked, bool skip_nan, class T, class Work>
static inline void sum_block(Work* values, Work* sums, const T* const* rows, const std::uint8_t* const* masks,
                             const Work* weights, std::int64_t count, std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  Vec<Work> value[vectors], sum[vectors];
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) value[v] = sum[v] = Vec<Work>::fill(0);
  for (std::int64_t k = 0; k < count; ++k) {
    const Vec<Work> weight = Vec<Work>::fill(weights[k]);
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      const Vec<Work> pixel = Vec<Work>::load_as(rows[k] + at + v * lanes);
      Vec<Work> counts = Vec<Work>::fill(1);
      if constexpr (masked) counts = Vec<Work>::load_as(masks[k] + at + v * lanes);
      if constexpr (skip_nan) counts = where_number(pixel, counts);
      // Selected, not multiplied: NaN outside the mask must not come in.
      value[v] = value[v] + weight * where_positive(counts, pixel);
      sum[v] = sum[v] + weight * counts;
    }
  }
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) {
    value[v].store(values + at + v * lanes);
    sum[v].store(sums + at + v * lanes);
  }
}

template <bool masked, bool skip_nan, class T, class Work>
static void sum_rows(Work* values, Work* sums, const T* const* rows, const std::uint8_t* const* masks,
                     const Work* weights, std::int64_t count, std::int64_t n) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  std::int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes)
    sum_block<2, masked, skip_nan>(values, sums, rows, masks, weights, count, i);
  for (; i + lanes <= n; i += lanes) sum_block<1, masked, skip_nan>(values, sums, rows, masks, weights, count, i);
  if (i == n) return;
  // The last vector overlaps the one before where there is one: it writes the same values again.
  if (n >= lanes) {
    sum_block<1, masked, skip_nan>(values, sums, rows, masks, weights, count, n - lanes);
    return;
  }
  for (; i < n; ++i) {
    Work value = 0, sum = 0;
    for (std::int64_t k = 0; k < count; ++k) {
      const Work pixel = static_cast<Work>(rows[k][i]);
      Work counts = masked ? static_cast<Work>(masks[k][i]) : Work{1};
      if (skip_nan && pixel != pixel) counts = 0;
      value = value + weights[k] * (counts > 0 ? pixel : Work{0});
      sum = sum + weights[k] * counts;
    }
    values[i] = value;
    sums[i] = sum;
  }
}

template <class T, class Work>
static void sum_inside(Work* values, Work* sums, const T* const* rows, const std::uint8_t* const* masks, bool skip_nan,
                       const Work* weights, std::int64_t count, std::int64_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    if (skip_nan) {
      if (masks != nullptr) sum_rows<true, true>(values, sums, rows, masks, weights, count, n);
      else sum_rows<false, true>(values, sums, rows, masks, weights, count, n);
      return;
    }
  }
  if (masks != nullptr) sum_rows<true, false>(values, sums, rows, masks, weights, count, n);
  else sum_rows<false, false>(values, sums, rows, masks, weights, count, n);
}

template <class T, class Work>
static void add_inside(Work* values, Work* sums, const T* row, const std::uint8_t* mask, Work sign, std::int64_t n) {
  if (mask == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) {
      values[i] = values[i] + sign * static_cast<Work>(row[i]);
      sums[i] = sums[i] + sign;
    }
    return;
  }
  // For integers alone, so that what is outside may be multiplied away.
  for (std::int64_t i = 0; i < n; ++i) {
    const Work counts = sign * static_cast<Work>(mask[i]);
    values[i] = values[i] + counts * static_cast<Work>(row[i]);
    sums[i] = sums[i] + counts;
  }
}

template <class Work>
static void slide(Work* values, const Work* enter, const Work* leave, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) values[i] = values[i] - leave[i] + enter[i];
}

template <class T, class Work, class Quotient>
static void divide(T* out, const Work* values, const Work* sums, T fill, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    // No division by zero, so that the loop has no branch.
    const Quotient divisor = sums[i] > 0 ? static_cast<Quotient>(sums[i]) : Quotient{1};
    const T mean = saturate<T>(static_cast<Quotient>(values[i]) / divisor);
    out[i] = sums[i] > 0 ? mean : fill;
  }
}

template <class T>
static constexpr MaskedKernels<T> make_kernels() {
  MaskedKernels<T> kernels{};
  kernels.sum_f64 = sum_inside<T, double>;
  kernels.divide_f64 = divide<T, double, double>;
  if constexpr (std::is_integral_v<T>) kernels.add_f64 = add_inside<T, double>;
  if constexpr (std::is_same_v<TapWork<T>, float>) {
    kernels.sum_f32 = sum_inside<T, float>;
    if constexpr (std::is_integral_v<T>) kernels.add_f32 = add_inside<T, float>;
    kernels.divide_f32 = divide<T, float, float>;
    kernels.divide_f32_exactly = divide<T, float, double>;
  }
  return kernels;
}
template <class T>
static constexpr MaskedKernels<T> kernels = make_kernels<T>();

extern const MaskedFilterRows masked_filter_rows;
const MaskedFilterRows masked_filter_rows{
    {&kernels<std::uint8_t>, &kernels<std::int8_t>, &kernels<std::uint16_t>, &kernels<std::int16_t>,
     &kernels<std::uint32_t>, &kernels<std::int32_t>, &kernels<float>, &kernels<double>},
    slide<float>,
    slide<double>};

}  // namespace cormack::CORMACK_ISA
