#pragma once
// Conductances of anisotropic diffusion, shared by CPU and GPU. No standard header.
#include "core/hd.hpp"

namespace cormack {

// 2^-g for g >= 0 within 2 ulp, without branches and with the same bits everywhere; the smallest normal number beyond
// its exponent. NaN stays NaN whatever its bits, because the power of two is a factor rather than added to them.
CORMACK_HD float power_of_half(float g) {
  const float x = g > 126.0f ? -126.0f : -g;
  // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
  const float shifted = x + 12582912.0f;
  const float f = x - (shifted - 12582912.0f);
  float p = 1.54614446985691293e-04f;
  p = p * f + 1.34004281776158377e-03f;
  p = p * f + 9.61805667852463735e-03f;
  p = p * f + 5.55032722667030201e-02f;
  p = p * f + 2.40226509222887574e-01f;
  p = p * f + 6.93147206702832586e-01f;
  p = p * f + 1.0f;
  return p * __builtin_bit_cast(float, (__builtin_bit_cast(unsigned, shifted) << 23) + 0x3F800000u);
}

CORMACK_HD double power_of_half(double g) {
  const double x = g > 1022.0 ? -1022.0 : -g;
  const double shifted = x + 6755399441055744.0;
  const double f = x - (shifted - 6755399441055744.0);
  double p = 4.45581790833606449e-10;
  p = p * f + 7.07419429728852106e-09;
  p = p * f + 1.01780570877339407e-07;
  p = p * f + 1.32154325359123753e-06;
  p = p * f + 1.52527338415567733e-05;
  p = p * f + 1.54035304637243530e-04;
  p = p * f + 1.33335581464064708e-03;
  p = p * f + 9.61812910758725638e-03;
  p = p * f + 5.55041086648216248e-02;
  p = p * f + 2.40226506959101582e-01;
  p = p * f + 6.93147180559945286e-01;
  p = p * f + 1.0;
  return p * __builtin_bit_cast(double, (__builtin_bit_cast(unsigned long long, shifted) << 52) + 0x3FF0000000000000u);
}

// Functions of the squared gradient in units of the edge: exp(-g) needs g times log2(e).
struct ExponentialEdge {
  static constexpr double unit = 1.4426950408889634;
  template <class T>
  CORMACK_HD static T conductance(T g) {
    return power_of_half(g);
  }
};

struct ReciprocalEdge {
  static constexpr double unit = 1.0;
  template <class T>
  CORMACK_HD static T conductance(T g) {
    return T(1) / (T(1) + g);
  }
};

}  // namespace cormack
