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

// The natural logarithm of a positive number that is not infinite, within 1 ulp (fdlibm's polynomial), without
// branches.
CORMACK_HD double log_positive(double x) {
  const bool tiny = x < 2.2250738585072014e-308;
  const double normal = tiny ? x * 18014398509481984.0 : x;
  // The exponent that leaves a mantissa in [sqrt(1/2), sqrt(2)).
  const unsigned long long root_half = 0x3FE6A09E667F3BCDull;
  const unsigned long long moved = __builtin_bit_cast(unsigned long long, normal) + (0x3FF0000000000000ull - root_half);
  const double biased = __builtin_bit_cast(double, (moved >> 52) | 0x4330000000000000ull) - 4503599627370496.0;
  const double k = biased - (tiny ? 1077.0 : 1023.0);
  const double f = __builtin_bit_cast(double, (moved & 0x000FFFFFFFFFFFFFull) + root_half) - 1.0;
  const double s = f / (2.0 + f), z = s * s, w = z * z, half_square = 0.5 * f * f;
  const double even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const double odd =
      z * (6.666666666666735130e-01 +
           w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  const double low = s * (half_square + (even + odd)) + k * 1.90821492927058770002e-10;
  return ((low - half_square) + f) + k * 6.93147180369123816490e-01;
}

// e^x: infinite beyond the largest number, 0 below the smallest normal one.
CORMACK_HD double exp_saturated(double x) {
  // NVRTC has no __builtin_inf.
  constexpr double infinity = __builtin_bit_cast(double, 0x7FF0000000000000ull);
  double bounded = x < -708.0 ? -708.0 : x;
  bounded = bounded > 709.78 ? 709.78 : bounded;
  double result = exp_bounded(bounded);
  result = x > 709.78 ? infinity : result;
  return x < -708.0 ? 0.0 : result;
}

// Where a tone curve reads: (value, clamped to [lower, upper], - origin) / width.
struct ToneRange {
  double lower, upper, origin, width;

  CORMACK_HD double operator()(double value) const {
    double inside = value < lower ? lower : value;
    inside = inside > upper ? upper : inside;
    return (inside - origin) / width;
  }
};

// shift + span * t of a tone range. NaN stays NaN.
struct StraightFormula {
  ToneRange range;
  double shift, span;

  CORMACK_HD double operator()(double value) const { return range(value) * span + shift; }
};

// shift + span * t^exponent of a tone range that does not reach below 0; exponent > 0. NaN stays NaN.
struct PowerFormula {
  ToneRange range;
  double exponent, shift, span;

  CORMACK_HD double operator()(double value) const {
    const double t = range(value);
    double power = exp_saturated(exponent * log_positive(t));
    power = t > 1.7976931348623157e308 ? t : power;
    power = t > 0.0 ? power : 0.0;
    return value == value ? power * span + shift : value;
  }
};

// shift + span * log2(1 + t), for t > -1. NaN stays NaN.
struct LogFormula {
  ToneRange range;
  double shift, span;

  CORMACK_HD double operator()(double value) const {
    const double t = range(value);
    double power = log_positive(1.0 + t) * 1.4426950408889634;
    power = t > 1.7976931348623157e308 ? t : power;
    return value == value ? power * span + shift : value;
  }
};

// shift + span * (2^t - 1). NaN stays NaN.
struct ExpFormula {
  ToneRange range;
  double shift, span;

  CORMACK_HD double operator()(double value) const {
    const double power = exp_saturated(range(value) * 0.6931471805599453) - 1.0;
    return value == value ? power * span + shift : value;
  }
};

// What lies in [lower, upper], below and above: each a number, or the value itself. Around a threshold the two sides
// blend over `softness`, by 3 t^2 - 2 t^3. NaN stays NaN.
struct ThresholdFormula {
  double lower, upper;   // infinite where there is none; at least `softness` apart
  double half, inverse;  // half of softness, and 1 / softness, or 0
  // A number's bits, or none and all bits of the value: loops with such choices are vectorised.
  struct Choice {
    unsigned long long number, keep;

    CORMACK_HD double operator()(double value) const {
      return __builtin_bit_cast(double, (__builtin_bit_cast(unsigned long long, value) & keep) | number);
    }
  };
  Choice inside, below, above;

  CORMACK_HD static double blend(double from, double to, double t) {
    t = t > 0.0 ? t : 0.0;
    t = t < 1.0 ? t : 1.0;
    return from + (to - from) * (t * t * (3.0 - 2.0 * t));
  }
  CORMACK_HD double operator()(double value) const {
    const double in = inside(value), under = below(value), over = above(value);
    const double to_lower = value - lower, to_upper = value - upper;
    double result = to_lower < half ? blend(under, in, to_lower * inverse + 0.5) : in;
    result = value < lower - half ? under : result;
    result = to_upper > -half ? blend(in, over, to_upper * inverse + 0.5) : result;
    result = value > upper + half ? over : result;
    return value == value ? result : value;
  }
};

// (value - center) / scale. NaN stays NaN.
struct StandardizeFormula {
  double center, scale;

  CORMACK_HD double operator()(double value) const { return (value - center) / scale; }
};

// Straight between few knots at increasing x, straight on beyond the first and the last. slope[i] belongs to knot i and
// the next.
struct PiecewiseFormula {
  const double *x, *y, *slope;
  int pieces;
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
