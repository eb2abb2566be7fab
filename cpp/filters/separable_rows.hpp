#pragma once
// The loop behind correlate_separable: a weighted sum of rows, from pixels or working precision, to either.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// float for 8- and 16-bit integers and float32, double for all others.
template <class T>
using WorkOf = std::conditional_t<sizeof(T) <= 2 || std::is_same_v<T, float>, float, double>;

// out[i] = sum of weights[k] (rows[k][i] +- rows[-k][i]) for k = radius .. 1, + weights[0] rows[0][i] + offset
template <class In, class Work, class Out>
using WeightedRows = void (*)(Out* out, const In* const* rows, const Work* weights, std::int64_t radius, Work offset,
                              std::int64_t n);

// [0] for even kernels, [1] for odd ones.
template <class T>
struct SeparableKernels {
  WeightedRows<T, WorkOf<T>, WorkOf<T>> from_pixels[2];
  WeightedRows<WorkOf<T>, WorkOf<T>, T> to_pixels[2];
};
template <class T>
using SeparableKernelsOf = const SeparableKernels<T>*;

struct SeparableRows {
  DTypeTable<SeparableKernelsOf> pixels;
  WeightedRows<float, float, float> f32[2];
  WeightedRows<double, double, double> f64[2];

  template <class Work>
  WeightedRows<Work, Work, Work> between(bool odd) const {
    if constexpr (std::is_same_v<Work, float>) return f32[odd];
    else return f64[odd];
  }
};

CORMACK_TABLE(SeparableRows, separable_rows)

}  // namespace cormack
