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
  for (; i + lanes <= n; i += lanes) {
    // By way of int32: g++ 12 takes the direct conversion apart.
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 2 && sizeof(Work) == 4)
      Vec<Work>::from(Vec<std::int32_t>::load_as(row + i)).store(out + i);
    else Vec<Work>::load_as(row + i).store(out + i);
  }
  for (; i < n; ++i) out[i] = static_cast<Work>(row[i]);
}

// The neighbours of a row at distance k, in the same columns of other rows or in other columns of the row.
template <class Work>
struct Rows {
  const Work* const* rows;
  const Work* at(std::int64_t k) const { return rows[k]; }
};
template <class Work>
struct Line {
  const Work* row;
  const Work* at(std::int64_t k) const { return row + k; }
};

template <int vectors, class Work, class Out>
static inline void store_block(Out* out, const Vec<Work>* sum) {
  constexpr auto lanes = Vec<Work>::size;
  if constexpr (std::is_same_v<Out, Work>) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[v].store(out + v * lanes);
  } else {
    Work values[vectors * lanes];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[v].store(values + v * lanes);
    for (int i = 0; i < vectors * lanes; ++i) out[i] = saturate<Out>(values[i]);
  }
}

// Registers of sums: their taps are independent chains of additions, and each weight is loaded once for all.
template <int vectors, bool odd, class Work, class Out, class Neighbours>
static inline void weighted_block(Out* out, Neighbours near, const Work* weights, std::int64_t radius,
                                  std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  Vec<Work> sum[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) sum[v] = Vec<Work>::fill(0);
  for (std::int64_t k = radius; k > 0; --k) {
    const Work* minus = near.at(-k) + at;
    const Work* plus = near.at(k) + at;
    const Vec<Work> weight = Vec<Work>::fill(weights[k]);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const Vec<Work> a = Vec<Work>::load(plus + v * lanes), b = Vec<Work>::load(minus + v * lanes);
      sum[v] = sum[v] + weight * (odd ? a - b : a + b);
    }
  }
  const Work* centre = near.at(0) + at;
  const Vec<Work> weight = Vec<Work>::fill(weights[0]);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + weight * Vec<Work>::load(centre + v * lanes);
  store_block<vectors, Work>(out + at, sum);
}

#if defined(__AVX512F__)
// weighted_block for rows of float and a radius of at most a vector: neighbours come from registers.
template <int vectors, bool odd, class Out>
static inline void weighted_line_block(Out* out, const float* row, const float* weights, std::int64_t radius) {
  using V = Vec<float>;
  V pixels[vectors + 2], sum[vectors];
#pragma GCC unroll 8
  for (int v = 0; v < vectors + 2; ++v) pixels[v] = V::load(row + (v - 1) * V::size);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) sum[v] = V::fill(0);
  for (std::int64_t k = radius; k > 0; --k) {
    const auto above = V::lanes_from(k), below = V::lanes_from(V::size - k);
    const V weight = V::fill(weights[k]);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      const V a = V::across(pixels[v + 1], pixels[v + 2], above), b = V::across(pixels[v], pixels[v + 1], below);
      sum[v] = sum[v] + weight * (odd ? a - b : a + b);
    }
  }
  const V weight = V::fill(weights[0]);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + weight * pixels[v + 1];
  store_block<vectors, float>(out, sum);
}
#endif

template <bool odd, class Work, class Out, class Neighbours>
static inline void weighted_pixel(Out* out, Neighbours near, const Work* weights, std::int64_t radius,
                                  std::int64_t at) {
  Work sum = 0;
  for (std::int64_t k = radius; k > 0; --k) {
    const Work minus = near.at(-k)[at], plus = near.at(k)[at];
    sum = sum + weights[k] * (odd ? plus - minus : plus + minus);
  }
  out[at] = saturate<Out>(sum + weights[0] * near.at(0)[at]);
}

template <bool odd, class Work, class Out, class Neighbours>
static inline void weighted_range(Out* out, Neighbours near, const Work* weights, std::int64_t radius,
                                  std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  std::int64_t i = begin;
  for (; i + 8 * lanes <= end; i += 8 * lanes) weighted_block<8, odd>(out, near, weights, radius, i);
  for (; i + 2 * lanes <= end; i += 2 * lanes) weighted_block<2, odd>(out, near, weights, radius, i);
  if (i == end) return;
  // The last vectors overlap the ones before where there are any: they write the same values again.
  if (end - begin >= 2 * lanes) {
    weighted_block<2, odd>(out, near, weights, radius, end - 2 * lanes);
  } else {
    if (i + lanes <= end) {
      weighted_block<1, odd>(out, near, weights, radius, i);
      i += lanes;
    }
    for (; i < end; ++i) weighted_pixel<odd>(out, near, weights, radius, i);
  }
}

template <class Work, bool odd>
static void weighted_rows(Work* out, const Work* const* rows, const Work* weights, std::int64_t radius,
                          std::int64_t begin, std::int64_t end) {
  weighted_range<odd>(out, Rows<Work>{rows}, weights, radius, begin, end);
}

template <class Work, class Out, bool odd>
static void weighted_line(Out* out, const Work* row, const Work* weights, std::int64_t radius, std::int64_t n) {
  std::int64_t i = 0;
#if defined(__AVX512F__)
  constexpr std::int64_t lanes = Vec<float>::size;
  static_assert(lanes <= kLinePadding);
  if constexpr (std::is_same_v<Work, float>) {
    if (radius > 0 && radius <= lanes)
      for (; i + 4 * lanes <= n; i += 4 * lanes) weighted_line_block<4, odd>(out + i, row + i, weights, radius);
  }
#endif
  weighted_range<odd>(out, Line<Work>{row}, weights, radius, i, n);
}

template <class T>
static constexpr WeightedLines<T> lines{{weighted_line<WorkOf<T>, T, false>, weighted_line<WorkOf<T>, T, true>}};

extern const SeparableRows separable_rows;
const SeparableRows separable_rows{
    {convert<std::uint8_t, float>, convert<std::int8_t, float>, convert<std::uint16_t, float>,
     convert<std::int16_t, float>, convert<std::uint32_t, float>, convert<std::int32_t, float>, convert<float, float>,
     convert<double, float>},
    {convert<std::uint8_t, double>, convert<std::int8_t, double>, convert<std::uint16_t, double>,
     convert<std::int16_t, double>, convert<std::uint32_t, double>, convert<std::int32_t, double>,
     convert<float, double>, convert<double, double>},
    {weighted_rows<float, false>, weighted_rows<float, true>},
    {weighted_rows<double, false>, weighted_rows<double, true>},
    {lines<std::uint8_t>, lines<std::int8_t>, lines<std::uint16_t>, lines<std::int16_t>, lines<std::uint32_t>,
     lines<std::int32_t>, lines<float>, lines<double>},
};

}  // namespace cormack::CORMACK_ISA
