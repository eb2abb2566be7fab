// Rows are contiguous and already continued beyond the border. The taps are the outer loop around a block of a few
// vectors that stays in registers, so a row is written once however long the kernel is.
#include "core/saturate.hpp"
#include "core/vec.hpp"
#include "filters/separable_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T, class Work>
static void convert(Work* __restrict out, const T* row, std::int64_t n) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) Vec<Work>::load_as(row + i).store(out + i);
  for (; i < n; ++i) out[i] = static_cast<Work>(row[i]);
}

// Registers of sums: their taps are independent chains of additions, and each weight is loaded once for all.
template <int vectors, bool odd, class Work, class Out>
static inline void weighted_block(Out* out, const Work* const* rows, const Work* weights, std::int64_t radius,
                                  std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  Vec<Work> sum[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) sum[v] = Vec<Work>::fill(0);
  for (std::int64_t k = radius; k > 0; --k) {
    const Work* minus = rows[-k] + at;
    const Work* plus = rows[k] + at;
    const Vec<Work> weight = Vec<Work>::fill(weights[k]);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const Vec<Work> a = Vec<Work>::load(plus + v * lanes), b = Vec<Work>::load(minus + v * lanes);
      sum[v] = sum[v] + weight * (odd ? a - b : a + b);
    }
  }
  const Work* centre = rows[0] + at;
  const Vec<Work> weight = Vec<Work>::fill(weights[0]);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + weight * Vec<Work>::load(centre + v * lanes);
  if constexpr (std::is_same_v<Out, Work>) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[v].store(out + at + v * lanes);
  } else {
    Work values[vectors * lanes];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[v].store(values + v * lanes);
    for (int i = 0; i < vectors * lanes; ++i) out[at + i] = saturate<Out>(values[i]);
  }
}

template <bool odd, class Work, class Out>
static inline void weighted_pixel(Out* out, const Work* const* rows, const Work* weights, std::int64_t radius,
                                  std::int64_t at) {
  Work sum = 0;
  for (std::int64_t k = radius; k > 0; --k) {
    const Work minus = rows[-k][at], plus = rows[k][at];
    sum = sum + weights[k] * (odd ? plus - minus : plus + minus);
  }
  out[at] = saturate<Out>(sum + weights[0] * rows[0][at]);
}

template <class Work, class Out, bool odd>
static void weighted_rows(Out* out, const Work* const* rows, const Work* weights, std::int64_t radius, std::int64_t n) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  std::int64_t i = 0;
  for (; i + 8 * lanes <= n; i += 8 * lanes) weighted_block<8, odd>(out, rows, weights, radius, i);
  for (; i + 2 * lanes <= n; i += 2 * lanes) weighted_block<2, odd>(out, rows, weights, radius, i);
  if (i == n) return;
  // The last vectors overlap the ones before where there are any: they write the same values again.
  if (n >= 2 * lanes) {
    weighted_block<2, odd>(out, rows, weights, radius, n - 2 * lanes);
  } else {
    if (i + lanes <= n) {
      weighted_block<1, odd>(out, rows, weights, radius, i);
      i += lanes;
    }
    for (; i < n; ++i) weighted_pixel<odd>(out, rows, weights, radius, i);
  }
}

template <class T>
static constexpr WeightedPair<T> weighted{{weighted_rows<WorkOf<T>, T, false>, weighted_rows<WorkOf<T>, T, true>}};

extern const SeparableRows separable_rows;
const SeparableRows separable_rows{
    {convert<std::uint8_t, float>, convert<std::int8_t, float>, convert<std::uint16_t, float>,
     convert<std::int16_t, float>, convert<std::uint32_t, float>, convert<std::int32_t, float>, convert<float, float>,
     convert<double, float>},
    {convert<std::uint8_t, double>, convert<std::int8_t, double>, convert<std::uint16_t, double>,
     convert<std::int16_t, double>, convert<std::uint32_t, double>, convert<std::int32_t, double>,
     convert<float, double>, convert<double, double>},
    {weighted<std::uint8_t>, weighted<std::int8_t>, weighted<std::uint16_t>, weighted<std::int16_t>,
     weighted<std::uint32_t>, weighted<std::int32_t>, weighted<float>, weighted<double>},
};

}  // namespace cormack::CORMACK_ISA
