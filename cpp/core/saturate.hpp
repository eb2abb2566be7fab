#pragma once
// Floating point to pixel types: round half to even, saturate, never wrap; NaN becomes the lowest value of an integer.
#include <cmath>
#include <limits>
#include <type_traits>

#include "core/hd.hpp"

namespace cormack {

template <class T, class F>
CORMACK_HD T saturate(F value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    constexpr F low = static_cast<F>(std::numeric_limits<T>::min());
    // For 32-bit integers the upper limit rounds up in float32: they go through float64.
    static_assert(sizeof(T) < sizeof(F) || sizeof(F) == 8);
    constexpr F high = static_cast<F>(std::numeric_limits<T>::max());
    // Written so that NaN fails the first comparison.
    F clamped = value > low ? value : low;
    clamped = clamped < high ? clamped : high;
    return static_cast<T>(std::nearbyint(clamped));
  }
}

}  // namespace cormack
