// Rows are contiguous and already continued beyond the border. The taps are the outer loop around a block of a few
// vectors that stays in registers, so a row is written once however long the kernel is.
#include "core/saturate.hpp"
#include "core/vec.hpp"
#include "filters/separable_rows.hpp"

namespace cormack::CORMACK_ISA {

// 8- and 16-bit pairs are added as int, which is exact and needs one conversion instead of two.
template <bool odd, class Work, class In>
static inline Vec<Work> load_pair(const In* minus, const In* plus) {
  using Common = std::conditional_t<std::is_integral_v<In> && sizeof(In) <= 2, Vec<std::int32_t>, Vec<Work>>;
  const Common a = Common::load_as(plus), b = Common::load_as(minus);
  const Common sum = odd ? a - b : a + b;
  if constexpr (std::is_same_v<Common, Vec<Work>>) return sum;
  else return Vec<Work>::from(sum);
}

// Registers of sums: their taps are independent chains of additions, and each weight is loaded once for all.
template <int vectors, bool odd, class In, class Work, class Out>
static inline void weighted_block(Out* out, const In* const* rows, const Work* weights, std::int64_t radius,
                                  Work offset, std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  Vec<Work> sum[vectors];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sum[v] = Vec<Work>::fill(0);
  for (std::int64_t k = radius; k > 0; --k) {
    const In* minus = rows[-k] + at;
    const In* plus = rows[k] + at;
    const Vec<Work> weight = Vec<Work>::fill(weights[k]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      sum[v] = sum[v] + weight * load_pair<odd, Work>(minus + v * lanes, plus + v * lanes);
  }
  const In* centre = rows[0] + at;
  const Vec<Work> weight = Vec<Work>::fill(weights[0]), last = Vec<Work>::fill(offset);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + weight * Vec<Work>::load_as(centre + v * lanes) + last;
  if constexpr (std::is_same_v<Out, Work>) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[v].store(out + at + v * lanes);
  } else {
    Work values[vectors * lanes];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[v].store(values + v * lanes);
    for (int i = 0; i < vectors * lanes; ++i) out[at + i] = saturate<Out>(values[i]);
  }
}

template <bool odd, class In, class Work, class Out>
static inline void weighted_pixel(Out* out, const In* const* rows, const Work* weights, std::int64_t radius,
                                  Work offset, std::int64_t at) {
  Work sum = 0;
  for (std::int64_t k = radius; k > 0; --k) {
    const Work minus = static_cast<Work>(rows[-k][at]), plus = static_cast<Work>(rows[k][at]);
    sum = sum + weights[k] * (odd ? plus - minus : plus + minus);
  }
  out[at] = saturate<Out>(sum + weights[0] * static_cast<Work>(rows[0][at]) + offset);
}

template <class In, class Work, class Out, bool odd>
static void weighted_rows(Out* out, const In* const* rows, const Work* weights, std::int64_t radius, Work offset,
                          std::int64_t n) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  std::int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) weighted_block<4, odd>(out, rows, weights, radius, offset, i);
  for (; i + lanes <= n; i += lanes) weighted_block<1, odd>(out, rows, weights, radius, offset, i);
  if (i == n) return;
  // The last vector overlaps the one before where there is one: it writes the same values again.
  if (n >= lanes) {
    weighted_block<1, odd>(out, rows, weights, radius, offset, n - lanes);
  } else {
    for (; i < n; ++i) weighted_pixel<odd>(out, rows, weights, radius, offset, i);
  }
}

template <class T>
static constexpr SeparableKernels<T> kernels{
    {weighted_rows<T, WorkOf<T>, WorkOf<T>, false>, weighted_rows<T, WorkOf<T>, WorkOf<T>, true>},
    {weighted_rows<WorkOf<T>, WorkOf<T>, T, false>, weighted_rows<WorkOf<T>, WorkOf<T>, T, true>},
};

extern const SeparableRows separable_rows;
const SeparableRows separable_rows{
    {&kernels<std::uint8_t>, &kernels<std::int8_t>, &kernels<std::uint16_t>, &kernels<std::int16_t>,
     &kernels<std::uint32_t>, &kernels<std::int32_t>, &kernels<float>, &kernels<double>},
    {weighted_rows<float, float, float, false>, weighted_rows<float, float, float, true>},
    {weighted_rows<double, double, double, false>, weighted_rows<double, double, double, true>},
};

}  // namespace cormack::CORMACK_ISA
