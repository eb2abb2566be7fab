#pragma once
// The loops behind Hessians. Rows of working precision are scratch with room for kHessianSlack values past their end.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"
#include "filters/correlate_rows.hpp"
#include "filters/hessian_formulas.hpp"

namespace cormack {

inline constexpr std::int64_t kHessianSlack = 64;

// out[c] = sum over k of weights[c][k] rows[k], of `kernels` (1 to 3) kernels.
template <class In, class Work>
using WeighRows = void (*)(Work* const* out, int kernels, const In* const* rows, const Work* const* weights,
                           std::int64_t count, std::int64_t n);
template <class T>
using WeighPixels = WeighRows<T, TapWork<T>>;

// h: the elements in the order of HessianMeasure::elements; out: one row, or an eigenvalue each.
template <class Work, class Out>
using MeasureRow = void (*)(Out* const* out, const Work* const* h, const RidgeFormula& how, bool accumulate,
                            std::int64_t n);
inline constexpr int kHessianMeasures = 7;

struct HessianRows {
  DTypeTable<WeighPixels> pixels;
  WeighRows<float, float> single;
  WeighRows<double, double> wide;
  // By number of dimensions, less 2, and measure.
  MeasureRow<float, float> measure_f32[2][kHessianMeasures];
  MeasureRow<double, float> measure_mixed[2][kHessianMeasures];
  MeasureRow<double, double> measure_f64[2][kHessianMeasures];

  template <class Work>
  WeighRows<Work, Work> weigh() const {
    if constexpr (sizeof(Work) == 4) return single;
    else return wide;
  }
  template <class Work, class Out>
  MeasureRow<Work, Out> measure(int ndim, int kind) const {
    if constexpr (sizeof(Work) == 4) return measure_f32[ndim - 2][kind];
    else if constexpr (sizeof(Out) == 4) return measure_mixed[ndim - 2][kind];
    else return measure_f64[ndim - 2][kind];
  }
};

CORMACK_TABLE(HessianRows, hessian_rows)

}  // namespace cormack
