#pragma once
// The loops behind the maps: rows to float64, a formula, rows from float64. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"
#include "pointwise/map_formulas.hpp"

namespace cormack {

template <class T>
using LoadRow = void (*)(const T* src, double* dst, std::int64_t n);
template <class T>
using StoreRow = void (*)(const double* src, T* dst, std::int64_t n);
template <class S, class D>
using SmallLinearRow = void (*)(const S* src, D* dst, std::int64_t n, const SmallLinearFormula& formula);

template <class S>
struct SmallLinearRows {
  SmallLinearRow<S, std::uint8_t> u8;
  SmallLinearRow<S, std::int8_t> i8;
  SmallLinearRow<S, std::uint16_t> u16;
  SmallLinearRow<S, std::int16_t> i16;

  template <class D>
  SmallLinearRow<S, D> get() const {
    if constexpr (std::is_same_v<D, std::uint8_t>) return u8;
    else if constexpr (std::is_same_v<D, std::int8_t>) return i8;
    else if constexpr (std::is_same_v<D, std::uint16_t>) return u16;
    else return i16;
  }
};

struct MapRows {
  DTypeTable<LoadRow> load;
  DTypeTable<StoreRow> store;  // rounds half to even, saturates
  void (*linear)(double* row, std::int64_t n, const LinearFormula& formula);
  void (*sigmoid)(double* row, std::int64_t n, const SigmoidFormula& formula);
  void (*interpolate)(double* row, std::int64_t n, const InterpolationFormula& formula);
  void (*replace_nan)(double* row, std::int64_t n, double value);
  void (*straight)(double* row, std::int64_t n, const StraightFormula& formula);
  void (*power)(double* row, std::int64_t n, const PowerFormula& formula);
  void (*log)(double* row, std::int64_t n, const LogFormula& formula);
  void (*exp)(double* row, std::int64_t n, const ExpFormula& formula);
  void (*threshold)(double* row, std::int64_t n, const ThresholdFormula& formula);
  void (*standardize)(double* row, std::int64_t n, const StandardizeFormula& formula);
  void (*piecewise)(double* row, std::int64_t n, const PiecewiseFormula& formula);
  // 8 and 16 bits to 8 and 16 bits, in one go.
  SmallLinearRows<std::uint8_t> small_u8;
  SmallLinearRows<std::int8_t> small_i8;
  SmallLinearRows<std::uint16_t> small_u16;
  SmallLinearRows<std::int16_t> small_i16;

  template <class S>
  const SmallLinearRows<S>& small() const {
    if constexpr (std::is_same_v<S, std::uint8_t>) return small_u8;
    else if constexpr (std::is_same_v<S, std::int8_t>) return small_i8;
    else if constexpr (std::is_same_v<S, std::uint16_t>) return small_u16;
    else return small_i16;
  }
};

CORMACK_TABLE(MapRows, map_rows)

}  // namespace cormack
