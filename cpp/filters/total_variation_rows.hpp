#pragma once
// The loops behind total_variation. Compiled per instruction set. Rows are padded to whole vectors of 16 values.
#include "core/isa.hpp"
#include "filters/float_rows.hpp"

namespace cormack {

// The dual field of one row: the last value of its z, y and x parts along their axis is 0, and x[-1] is 0. y is null
// where the image has one row per plane.
template <class T>
struct DualRow {
  T *z, *y, *x;
};

template <class T>
struct TotalVariationRows {
  // result = image - (divergence of the dual field), with the field's rows one before in z and y; null is a border.
  // Returns the sum of squared changes over n values.
  double (*primal)(const T* image, const DualRow<T>& dual, const T* z_before, const T* y_before, const T* scale,
                   T* change, T* result, std::int64_t n);
  // One step of the projection from the result's forward differences. result[n] repeats result[n - 1]; y_after is null
  // where dual.y is. `slope` is working memory. Returns the sum of the gradient's magnitudes over n values.
  double (*dual)(const T* result, const T* y_after, const T* z_after, const T* scale, T step, T step_per_weight,
                 const DualRow<T>& dual, T* slope, std::int64_t n);
};

struct TotalVariationTables {
  TotalVariationRows<float> f32;
  TotalVariationRows<double> f64;

  template <class T>
  const TotalVariationRows<T>& get() const {
    if constexpr (std::is_same_v<T, float>) return f32;
    else return f64;
  }
};

CORMACK_TABLE(TotalVariationTables, total_variation_tables)

}  // namespace cormack
