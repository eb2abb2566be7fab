// Rows are contiguous; a row is one block of the driver, so that float64 copies of it stay in L1.
#include "pointwise/map_rows.hpp"

#include "core/saturate.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static void load(const T* src, double* dst, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dst[i] = static_cast<double>(src[i]);
}

template <class T>
static void store(const double* src, T* dst, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dst[i] = saturate<T>(src[i]);
}

template <class Formula>
static void apply(double* row, std::int64_t n, const Formula& formula) {
  const Formula f = formula;
  for (std::int64_t i = 0; i < n; ++i) row[i] = f(row[i]);
}

// Apart from the table's entries nothing is read that is written, which the compiler cannot see.
static void interpolate(double* __restrict row, std::int64_t n, const InterpolationFormula& formula) {
  const InterpolationFormula f = formula;
  constexpr std::int64_t step = 256;
  std::int32_t knot[step];
  for (std::int64_t begin = 0; begin < n; begin += step) {
    const std::int64_t count = n - begin < step ? n - begin : step;
    double* __restrict part = row + begin;
    for (std::int64_t i = 0; i < count; ++i) knot[i] = f.knot(part[i]);
    for (std::int64_t i = 0; i < count; ++i) part[i] = f(part[i], knot[i]);
  }
}

// A knot at a time over part of a row: knots are few, and the loop over values has no gathers.
static void piecewise(double* __restrict row, std::int64_t n, const PiecewiseFormula& formula) {
  const PiecewiseFormula f = formula;
  constexpr std::int64_t step = 256;
  double x[step], y[step], slope[step];
  for (std::int64_t begin = 0; begin < n; begin += step) {
    const std::int64_t count = n - begin < step ? n - begin : step;
    double* __restrict part = row + begin;
    for (std::int64_t i = 0; i < count; ++i) {
      x[i] = f.x[0];
      y[i] = f.y[0];
      slope[i] = f.slope[0];
    }
    for (int piece = 1; piece < f.pieces; ++piece) {
      const double from = f.x[piece], at = f.y[piece], steep = f.slope[piece];
      for (std::int64_t i = 0; i < count; ++i) {
        const bool here = part[i] >= from;
        x[i] = here ? from : x[i];
        y[i] = here ? at : y[i];
        slope[i] = here ? steep : slope[i];
      }
    }
    for (std::int64_t i = 0; i < count; ++i) part[i] = (part[i] - x[i]) * slope[i] + y[i];
  }
}

static void replace_nan(double* row, std::int64_t n, double value) {
  for (std::int64_t i = 0; i < n; ++i) row[i] = row[i] == row[i] ? row[i] : value;
}

template <class S, class D>
static void small_linear(const S* src, D* dst, std::int64_t n, const SmallLinearFormula& formula) {
  const SmallLinearFormula f = formula;
  for (std::int64_t i = 0; i < n; ++i) dst[i] = static_cast<D>(f(src[i]));
}

template <class S>
static constexpr SmallLinearRows<S> small_rows() {
  return {small_linear<S, std::uint8_t>, small_linear<S, std::int8_t>, small_linear<S, std::uint16_t>,
          small_linear<S, std::int16_t>};
}

extern const MapRows map_rows;
const MapRows map_rows{
    {load<std::uint8_t>, load<std::int8_t>, load<std::uint16_t>, load<std::int16_t>, load<std::uint32_t>,
     load<std::int32_t>, load<float>, load<double>},
    {store<std::uint8_t>, store<std::int8_t>, store<std::uint16_t>, store<std::int16_t>, store<std::uint32_t>,
     store<std::int32_t>, store<float>, store<double>},
    apply<LinearFormula>,
    apply<SigmoidFormula>,
    interpolate,
    replace_nan,
    apply<StraightFormula>,
    apply<PowerFormula>,
    apply<LogFormula>,
    apply<ExpFormula>,
    apply<ThresholdFormula>,
    apply<StandardizeFormula>,
    piecewise,
    small_rows<std::uint8_t>(),
    small_rows<std::int8_t>(),
    small_rows<std::uint16_t>(),
    small_rows<std::int16_t>(),
};

}  // namespace cormack::CORMACK_ISA
