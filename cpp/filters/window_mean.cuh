#pragma once
// How a GPU turns the sum of a box into its mean, with the bits of uniform_filter's on the CPU. No standard header.
#include "cuda/layout.hpp"

namespace cormack::device {

// A box as one window per axis (z, y, x): `size` voxels from the one at -left.
struct Box {
  int size[3], left[3];
  Border border[3];
};

enum : int { kFloatProduct, kFloatQuotient, kDoubleProduct, kDoubleQuotient, kIntegers };

struct MeanRule {
  double count;
  long long integer_count;
  int by;
  int boolean;  // bytes that are 0 or 1

  static constexpr const char* name = "cormack::device::MeanRule";
  template <class T, class Sum>
  CORMACK_HD T value(Sum sum) const;
};

// Exact integers, or double.
template <class V>
struct Sums {
  using Value = V;
  static constexpr const char* name = V(1) / V(2) != V(0) ? "cormack::device::Sums<double>"
                                      : sizeof(V) == 4    ? "cormack::device::Sums<int>"
                                                          : "cormack::device::Sums<long long>";
  template <class T>
  static CORMACK_HD V of(T pixel) {
    return static_cast<V>(pixel);
  }
  static CORMACK_HD V join(V a, V b) { return a + b; }
};

template <class T, class Sum>
CORMACK_HD T MeanRule::value(Sum sum) const {
  if constexpr (!Limits<T>::integer) {
    return static_cast<T>(by == kDoubleProduct ? static_cast<double>(sum) * (1 / count)
                                               : static_cast<double>(sum) / count);
  } else {
    T result;
    if constexpr (sizeof(T) <= 2 && sizeof(Sum) == 4) {
      if (by == kFloatProduct || by == kFloatQuotient) {
        const float divisor = static_cast<float>(count), value = static_cast<float>(sum);
        const float mean = by == kFloatProduct ? value * (1.0f / divisor) : value / divisor;
        result = saturated_narrow<T>(mean);
        return boolean && result > 1 ? T{1} : result;
      }
    }
    if (by == kIntegers) {
      const long long total = static_cast<long long>(sum), n = integer_count;
      long long quotient = total / n, rest = total % n;
      if (rest < 0) {
        rest += n;
        --quotient;
      }
      if (rest > n - rest || (rest == n - rest && quotient % 2 != 0)) ++quotient;
      constexpr long long low = Limits<T>::lowest, high = Limits<T>::highest;
      result = static_cast<T>(quotient < low ? low : quotient > high ? high : quotient);
    } else {
      const double value = static_cast<double>(sum);
      result = saturated<T>(by == kDoubleProduct ? value * (1 / count) : value / count);
    }
    return boolean && result > 1 ? T{1} : result;
  }
}

}  // namespace cormack::device
