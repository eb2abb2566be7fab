// Rows are contiguous and already continued beyond the border. The taps are the outer loop around a block of a few
// vectors that stays in registers, so a row is written once however many taps there are.
#include "core/saturate.hpp"
#include "core/vec.hpp"
#include "filters/correlate_rows.hpp"

namespace cormack::CORMACK_ISA {

template <int vectors, class In, class Work, class Out>
static inline void sum_block(Out* out, const In* const* rows, const Work* weights, std::int64_t count, Work offset,
                             std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  Vec<Work> total[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) total[v] = Vec<Work>::fill(offset);
  for (std::int64_t first = 0; first < count; first += kTapGroup) {
    const std::int64_t last = first + kTapGroup < count ? first + kTapGroup : count;
    Vec<Work> sum[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[v] = Vec<Work>::fill(0);
    for (std::int64_t k = first; k < last; ++k) {
      const In* row = rows[k] + at;
      const Vec<Work> weight = Vec<Work>::fill(weights[k]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + weight * Vec<Work>::load_as(row + v * lanes);
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) total[v] = total[v] + sum[v];
  }
  if constexpr (std::is_same_v<Out, Work>) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) total[v].store(out + at + v * lanes);
  } else {
    Work values[vectors * lanes];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) total[v].store(values + v * lanes);
    for (int i = 0; i < vectors * lanes; ++i) out[at + i] = saturate<Out>(values[i]);
  }
}

template <class In, class Work, class Out>
static inline void sum_pixel(Out* out, const In* const* rows, const Work* weights, std::int64_t count, Work offset,
                             std::int64_t at) {
  Work total = offset;
  for (std::int64_t first = 0; first < count; first += kTapGroup) {
    const std::int64_t last = first + kTapGroup < count ? first + kTapGroup : count;
    Work sum = 0;
    for (std::int64_t k = first; k < last; ++k) sum = sum + weights[k] * static_cast<Work>(rows[k][at]);
    total = total + sum;
  }
  out[at] = saturate<Out>(total);
}

template <class In, class Work, class Out>
static void sum_taps(Out* out, const In* const* rows, const Work* weights, std::int64_t count, Work offset,
                     std::int64_t n) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) sum_block<4>(out, rows, weights, count, offset, i);
  for (; i + lanes <= n; i += lanes) sum_block<1>(out, rows, weights, count, offset, i);
  if (i == n) return;
  // The last vector overlaps the one before where there is one: it writes the same values again.
  if (n >= lanes) {
    sum_block<1>(out, rows, weights, count, offset, n - lanes);
  } else {
    for (; i < n; ++i) sum_pixel(out, rows, weights, count, offset, i);
  }
}

template <class T>
static constexpr TapKernels<T> kernels{sum_taps<T, TapWork<T>, TapWork<T>>, sum_taps<TapWork<T>, TapWork<T>, T>};

extern const CorrelateRows correlate_rows;
const CorrelateRows correlate_rows{
    {&kernels<std::uint8_t>, &kernels<std::int8_t>, &kernels<std::uint16_t>, &kernels<std::int16_t>,
     &kernels<std::uint32_t>, &kernels<std::int32_t>, &kernels<float>, &kernels<double>},
    sum_taps<float, float, float>,
    sum_taps<double, double, double>,
};

}  // namespace cormack::CORMACK_ISA
