#pragma once
// The loop behind correlations: a weighted sum of any rows, from pixels or working precision, to either.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// float for 8- and 16-bit integers and float32, double for all others.
template <class T>
using TapWork = std::conditional_t<sizeof(T) <= 2 || std::is_same_v<T, float>, float, double>;

// A sum of many products errs by as many rounding units; a sum of groups, by the size and the number of groups.
inline constexpr std::int64_t kTapGroup = 16;

// out[i] = offset + sum over groups of (sum over k of weights[k] rows[k][i])
template <class In, class Work, class Out>
using SumTaps = void (*)(Out* out, const In* const* rows, const Work* weights, std::int64_t count, Work offset,
                         std::int64_t n);

template <class T>
struct TapKernels {
  SumTaps<T, TapWork<T>, TapWork<T>> from_pixels;
  SumTaps<TapWork<T>, TapWork<T>, T> to_pixels;
};
template <class T>
using TapKernelsOf = const TapKernels<T>*;

struct CorrelateRows {
  DTypeTable<TapKernelsOf> pixels;
  SumTaps<float, float, float> f32;
  SumTaps<double, double, double> f64;

  template <class Work>
  SumTaps<Work, Work, Work> between() const {
    if constexpr (std::is_same_v<Work, float>) return f32;
    else return f64;
  }
};

CORMACK_TABLE(CorrelateRows, correlate_rows)

}  // namespace cormack
