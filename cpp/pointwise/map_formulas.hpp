#pragma once
// Maps of one value to one value, shared by CPU and GPU. No standard header.
#include "core/hd.hpp"

namespace cormack {

// [lower, upper] linearly onto [low, high], `low` up to and including `lower`, `high` from `upper` on. NaN stays NaN.
struct LinearFormula {
  double lower, upper, low, high;
  double origin, scale, shift;

  CORMACK_HD double operator()(double value) const {
    double result = (value - origin) * scale + shift;
    result = value >= upper ? high : result;
    return value <= lower ? low : result;
  }
};

// e^x for |x| <= 708, within 2 ulp, without branches and with the same bits everywhere.
CORMACK_HD double exp_bounded(double x) {
  // Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits.
  const double shifter = 6755399441055744.0;
  const double shifted = x * 1.4426950408889634 + shifter;
  const double k = shifted - shifter;
  const double r = (x - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const unsigned long long power = __builtin_bit_cast(unsigned long long, shifted) << 52;
  return __builtin_bit_cast(double, __builtin_bit_cast(unsigned long long, p) + power);
}

// low + span / (1 + exp(slope * (value - center))). NaN stays NaN.
struct SigmoidFormula {
  double center, slope, low, span;

  CORMACK_HD double operator()(double value) const {
    const double x = (value - center) * slope;
    double bounded = x < -708.0 ? -708.0 : x;
    bounded = bounded > 708.0 ? 708.0 : bounded;
    const double result = span / (1.0 + exp_bounded(bounded)) + low;
    // What is left there is below the smallest normal number.
    return x > 708.0 ? low : result;
  }
};

// Linear interpolation between knots at increasing, nearly uniform x: numpy.interp. slope[i] belongs to knot i and the
// next, and is 0 at the last. below[i] is x[i], but -infinity for the first; above[i] is x[i + 1], but +infinity for
// the last. NaN stays NaN.
struct InterpolationFormula {
  const double *x, *y, *slope, *below, *above;
  double inverse;  // knots per unit
  double last;     // number of the last knot
  double end;      // its x

  CORMACK_HD int knot(double value) const {
    double position = (value - x[0]) * inverse;
    position = position > 0.0 ? position : 0.0;
    position = position < last ? position : last;
    return static_cast<int>(position);
  }
  // `near` is the knot's number or off by one: uniform up to rounding.
  CORMACK_HD double operator()(double value, int near) const {
    const int i = near - (value < below[near]) + (value >= above[near]);
    double inside = value <= x[0] ? x[0] : value;
    inside = inside >= end ? end : inside;
    return slope[i] * (inside - x[i]) + y[i];
  }
};

// LinearFormula for small integers, as integers: clamp to [first, last], move by float32 arithmetic, round half to
// even, clamp to [low, high].
struct SmallLinearFormula {
  int first, last;
  float scale, shift;  // shift: of `first`
  int low, high;

  CORMACK_HD int operator()(int value) const {
    value = value > first ? value : first;
    value = value < last ? value : last;
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    const float shifted = (static_cast<float>(value - first) * scale + shift) + 12582912.0f;
    int result = __builtin_bit_cast(int, shifted) - 0x4B400000;
    result = result > low ? result : low;
    return result < high ? result : high;
  }
};

}  // namespace cormack
