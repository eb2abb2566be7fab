#pragma once
// The loops of masked_filter that correlate does not have.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// values[i] = sum of weights[k] rows[k][i] over the k that count, sums[i] = that of their weights. `masks` may be null.
template <class T, class Work>
using SumInside = void (*)(Work* values, Work* sums, const T* const* rows, const std::uint8_t* const* masks,
                           bool skip_nan, const Work* weights, std::int64_t count, std::int64_t n);
// The same for one more row with weight `sign`. `mask` may be null; the sums then stay as they are.
template <class T, class Work>
using AddInside = void (*)(Work* values, Work* sums, const T* row, const std::uint8_t* mask, Work sign, std::int64_t n);
// values[i] += enter[i] - leave[i]
template <class Work>
using Slide = void (*)(Work* values, const Work* enter, const Work* leave, std::int64_t n);
// out[i] = values[i] / sums[i], or fill where sums[i] is 0
template <class T, class Work>
using Divide = void (*)(T* out, const Work* values, const Work* sums, T fill, std::int64_t n);

template <class T>
struct MaskedKernels {
  SumInside<T, float> sum_f32;
  SumInside<T, double> sum_f64;
  AddInside<T, float> add_f32;
  AddInside<T, double> add_f64;
  Divide<T, float> divide_f32, divide_f32_exactly;
  Divide<T, double> divide_f64;

  template <class Work>
  SumInside<T, Work> sum() const {
    if constexpr (std::is_same_v<Work, float>) return sum_f32;
    else return sum_f64;
  }
  template <class Work>
  AddInside<T, Work> add() const {
    if constexpr (std::is_same_v<Work, float>) return add_f32;
    else return add_f64;
  }
  template <class Work>
  Divide<T, Work> divide(bool exactly) const {
    if constexpr (std::is_same_v<Work, float>) return exactly ? divide_f32_exactly : divide_f32;
    else return divide_f64;
  }
};
template <class T>
using MaskedKernelsOf = const MaskedKernels<T>*;

struct MaskedFilterRows {
  DTypeTable<MaskedKernelsOf> kernels;
  Slide<float> slide_f32;
  Slide<double> slide_f64;

  template <class Work>
  Slide<Work> slide() const {
    if constexpr (std::is_same_v<Work, float>) return slide_f32;
    else return slide_f64;
  }
};

CORMACK_TABLE(MaskedFilterRows, masked_filter_rows)

}  // namespace cormack
