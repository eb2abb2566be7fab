#pragma once
// The loop behind histogram: values to bin numbers. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// Bin numbers by arithmetic, put right by the edges. F: float or double.
template <class F>
struct BinFormula {
  F first, last, scale;
  F half_gap;  // |fraction - 1/2| beyond this: the arithmetic may be off by one bin
  F top;       // bins - 1/2
  std::int32_t bins;
  // edges[1] ... edges[bins - 1] are the inner edges, edges[0] is -infinity, edges[bins] and edges[bins + 1] +infinity.
  const F* edges;
};

// bin[i] = bin of values[i]; `bins` for what is not counted.
template <class F>
struct BinRow {
  template <class T>
  using Function = void (*)(const T* values, std::int64_t n, const BinFormula<F>& formula, std::int32_t* bin);
};

struct HistogramRows {
  void (*f32)(const float* values, std::int64_t n, const BinFormula<float>& formula, std::int32_t* bin);
  DTypeTable<BinRow<double>::Function> f64;
};

CORMACK_TABLE(HistogramRows, histogram_rows)

}  // namespace cormack
