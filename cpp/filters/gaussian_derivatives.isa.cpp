// Rows are contiguous and already continued beyond the border. The taps are the outer loop around a block of a few
// vectors that stays in registers; kernels that read the same rows read them once.
#include <cmath>

#include "core/vec.hpp"
#include "filters/gaussian_derivatives_rows.hpp"

namespace cormack::CORMACK_ISA {

// As many as leave the sums of three kernels in registers.
static constexpr int kVectors = kVecBytes == 64 ? 4 : 2;

// The pixels on both sides of a position, 8 and 16 bits as int: their sums are exact and need one conversion.
template <class In, class Work>
struct Both {
  using Common = std::conditional_t<std::is_integral_v<In> && sizeof(In) <= 2, Vec<std::int32_t>, Vec<Work>>;
  Common minus, plus;

  Both(const In* a, const In* b) : minus(Common::load_as(a)), plus(Common::load_as(b)) {}
  template <bool odd>
  Vec<Work> pair() const {
    const Common sum = odd ? plus - minus : plus + minus;
    if constexpr (std::is_same_v<Common, Vec<Work>>) return sum;
    else return Vec<Work>::from(sum);
  }
};

// Sums of one block of positions: of rows, with kernel `smooth` and (where `derived` is not null) kernel `derive`.
template <int vectors, bool odd, bool two, class In, class Work>
static inline void weigh(Vec<Work>* smooth, Vec<Work>* derived, const In* const* rows, const KernelPair<Work>& kernel,
                         std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  for (std::int64_t k = kernel.radius; k > 0; --k) {
    const In* minus = rows[-k] + at;
    const In* plus = rows[k] + at;
    const Vec<Work> s = Vec<Work>::fill(kernel.smooth[k]), d = Vec<Work>::fill(kernel.derive[k]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const Both<In, Work> both(minus + v * lanes, plus + v * lanes);
      const Vec<Work> sum = both.template pair<false>();
      smooth[v] = smooth[v] + s * sum;
      if constexpr (two) derived[v] = derived[v] + d * (odd ? both.template pair<odd>() : sum);
    }
  }
  const Vec<Work> s = Vec<Work>::fill(kernel.smooth[0]), d = Vec<Work>::fill(kernel.derive[0]);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) {
    const Vec<Work> centre = Vec<Work>::load_as(rows[0] + at + v * lanes);
    smooth[v] = smooth[v] + s * centre;
    if constexpr (two) derived[v] = derived[v] + d * centre;
  }
}

// The same with kernel `derive` alone, of a line of which the rows are shifts.
template <int vectors, bool odd, class Work>
static inline void derive(Vec<Work>* sum, const Work* line, const KernelPair<Work>& kernel, std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  for (std::int64_t k = kernel.radius; k > 0; --k) {
    const Vec<Work> d = Vec<Work>::fill(kernel.derive[k]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const Both<Work, Work> both(line + at - k + v * lanes, line + at + k + v * lanes);
      sum[v] = sum[v] + d * both.template pair<odd>();
    }
  }
  const Vec<Work> d = Vec<Work>::fill(kernel.derive[0]);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + d * Vec<Work>::load(line + at + v * lanes);
}

template <int vectors, class Work>
static inline void smooth_line(Vec<Work>* sum, const Work* line, const KernelPair<Work>& kernel, std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  for (std::int64_t k = kernel.radius; k > 0; --k) {
    const Vec<Work> s = Vec<Work>::fill(kernel.smooth[k]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const Both<Work, Work> both(line + at - k + v * lanes, line + at + k + v * lanes);
      sum[v] = sum[v] + s * both.template pair<false>();
    }
  }
  const Vec<Work> s = Vec<Work>::fill(kernel.smooth[0]);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sum[v] = sum[v] + s * Vec<Work>::load(line + at + v * lanes);
}

template <int vectors, class Work>
static inline void clear(Vec<Work>* sums, Work value) {
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sums[v] = Vec<Work>::fill(value);
}

template <int vectors, class Work>
static inline void store(const Vec<Work>* sums, Work* out) {
#pragma GCC unroll 4
  for (int v = 0; v < vectors; ++v) sums[v].store(out + v * Vec<Work>::size);
}

// Calls block<vectors>(at) over n positions. Rows may be read and written one vector past their end: they are scratch,
// or are made so by the caller where n is no multiple of the vector.
template <class Work, class Block>
static inline void over_blocks(std::int64_t n, Block block) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  std::int64_t i = 0;
  for (; i + kVectors * lanes <= n; i += kVectors * lanes) block.template operator()<kVectors>(i);
  for (; i + lanes <= n; i += lanes) block.template operator()<1>(i);
  // The last vector overlaps the one before: it writes the same values again.
  if (i < n) block.template operator()<1>(n - lanes);
}

template <class T, bool odd>
static void read_pair(TapWork<T>* smooth, TapWork<T>* derived, const T* const* rows,
                      const KernelPair<TapWork<T>>& kernel, const TapWork<T>* offsets, std::int64_t n) {
  using Work = TapWork<T>;
  if (n < Vec<Work>::size) {
    for (std::int64_t i = 0; i < n; ++i) {
      Work s = offsets[0], d = offsets[1];
      for (std::int64_t k = kernel.radius; k > 0; --k) {
        const Work minus = static_cast<Work>(rows[-k][i]), plus = static_cast<Work>(rows[k][i]);
        s = s + kernel.smooth[k] * (plus + minus);
        d = d + kernel.derive[k] * (odd ? plus - minus : plus + minus);
      }
      smooth[i] = s + kernel.smooth[0] * static_cast<Work>(rows[0][i]);
      derived[i] = d + kernel.derive[0] * static_cast<Work>(rows[0][i]);
    }
    return;
  }
  over_blocks<Work>(n, [&]<int vectors>(std::int64_t at) {
    Vec<Work> s[vectors], d[vectors];
    clear<vectors>(s, offsets[0]);
    clear<vectors>(d, offsets[1]);
    weigh<vectors, odd, true>(s, d, rows, kernel, at);
    store<vectors>(s, smooth + at);
    store<vectors>(d, derived + at);
  });
}

// Scratch rows have room for whole vectors: short ones are computed to the end of the first.
template <class Work>
static inline std::int64_t whole(std::int64_t n) {
  return n < Vec<Work>::size ? Vec<Work>::size : n;
}

template <class Work>
static void join_laplace(Work* const* out, const Work* const* smooth, const Work* const* derived,
                         const KernelPair<Work>& kernel, std::int64_t n) {
  over_blocks<Work>(whole<Work>(n), [&]<int vectors>(std::int64_t at) {
    Vec<Work> s[vectors], d[vectors];
    clear<vectors>(s, Work{0});
    clear<vectors>(d, Work{0});
    weigh<vectors, false, true>(s, d, smooth, kernel, at);
    weigh<vectors, false, false>(d, d, derived, kernel, at);
    store<vectors>(s, out[0] + at);
    store<vectors>(d, out[1] + at);
  });
}

template <class Work>
static void join_gradient(Work* const* out, const Work* const* smooth, const Work* const* derived,
                          const KernelPair<Work>& kernel, std::int64_t n) {
  over_blocks<Work>(whole<Work>(n), [&]<int vectors>(std::int64_t at) {
    Vec<Work> s[vectors], d[vectors];
    clear<vectors>(s, Work{0});
    clear<vectors>(d, Work{0});
    weigh<vectors, true, true>(s, d, smooth, kernel, at);
    store<vectors>(s, out[0] + at);
    store<vectors>(d, out[1] + at);
    clear<vectors>(s, Work{0});
    weigh<vectors, false, false>(s, s, derived, kernel, at);
    store<vectors>(s, out[2] + at);
  });
}

// Lines end where the image does, and the result is no scratch: positions past n are computed but not written.
template <class Work, class Out, class Block>
static inline void over_line(Out* out, std::int64_t n, Block block) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  if (n >= lanes) {
    over_blocks<Work>(n, [&]<int vectors>(std::int64_t at) {
      Work values[vectors * lanes];
      block.template operator()<vectors>(at, values);
      for (int i = 0; i < vectors * lanes; ++i) out[at + i] = static_cast<Out>(values[i]);
    });
    return;
  }
  Work values[lanes];
  block.template operator()<1>(0, values);
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<Out>(values[i]);
}

template <class Work, class Out>
static void write_laplace(Out* out, const Work* const* lines, int channels, const KernelPair<Work>& kernel,
                          std::int64_t n) {
  over_line<Work>(out, n, [&]<int vectors>(std::int64_t at, Work* values) {
    Vec<Work> sum[vectors];
    clear<vectors>(sum, Work{0});
    derive<vectors, false>(sum, lines[0], kernel, at);
    if (channels > 1) smooth_line<vectors>(sum, lines[1], kernel, at);
    store<vectors>(sum, values);
  });
}

template <class Work, class Out>
static void write_gradient(Out* out, const Work* const* lines, int channels, const KernelPair<Work>& kernel,
                           std::int64_t n) {
  over_line<Work>(out, n, [&]<int vectors>(std::int64_t at, Work* values) {
    Vec<Work> sum[vectors], squares[vectors];
    clear<vectors>(sum, Work{0});
    derive<vectors, true>(sum, lines[0], kernel, at);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) squares[v] = sum[v] * sum[v];
    for (int c = 1; c < channels; ++c) {
      clear<vectors>(sum, Work{0});
      smooth_line<vectors>(sum, lines[c], kernel, at);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) squares[v] = squares[v] + sum[v] * sum[v];
    }
    store<vectors>(squares, values);
    for (int i = 0; i < vectors * Vec<Work>::size; ++i) values[i] = std::sqrt(values[i]);
  });
}

extern const GaussianDerivativesRows gaussian_derivatives_rows;
const GaussianDerivativesRows gaussian_derivatives_rows{
    {{read_pair<std::uint8_t, false>, read_pair<std::int8_t, false>, read_pair<std::uint16_t, false>,
      read_pair<std::int16_t, false>, read_pair<std::uint32_t, false>, read_pair<std::int32_t, false>,
      read_pair<float, false>, read_pair<double, false>},
     {read_pair<std::uint8_t, true>, read_pair<std::int8_t, true>, read_pair<std::uint16_t, true>,
      read_pair<std::int16_t, true>, read_pair<std::uint32_t, true>, read_pair<std::int32_t, true>,
      read_pair<float, true>, read_pair<double, true>}},
    {join_laplace<float>, join_gradient<float>},
    {join_laplace<double>, join_gradient<double>},
    {write_laplace<float, float>, write_gradient<float, float>},
    {write_laplace<double, float>, write_gradient<double, float>},
    {write_laplace<double, double>, write_gradient<double, double>},
};

}  // namespace cormack::CORMACK_ISA
