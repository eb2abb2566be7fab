#pragma once
// 2^x for weights, in the lanes of a register: in proportion alone, where that of diffusion_formulas.hpp, which other
// devices share, is right to the last digits and 1 at 0. For *.isa.cpp files alone.
#include <cmath>

#include "core/vec.hpp"

namespace cormack::CORMACK_ISA {

// Minimax polynomials of 2^f on [0, 1), divided by their first coefficient, which saves a multiplication. In
// proportion, they are off by 3e-6 and 8e-13.
template <class T>
struct PowerOfTwo;
template <>
struct PowerOfTwo<float> {
  static constexpr int lowest = -126;
  static constexpr float coefficients[] = {0x1.ebe696p+1f, 0x1.1d6e96p+4f, 0x1.99a1d6p+5f, 0x1.278c8ep+6f};
};
template <>
struct PowerOfTwo<double> {
  static constexpr int lowest = -1022;
  static constexpr double coefficients[] = {0x1.e7a68ec16cc83p+2,  0x1.4cf719e57edcep+6,  0x1.659e0796d0e9bp+9,
                                            0x1.429dcba34dcdbp+12, 0x1.d16d2cb78bd17p+14, 0x1.f79a09a00ac6ep+16,
                                            0x1.6b459736f165fp+18, 0x1.060b94da7cc37p+19};
};

template <class T>
static inline Vec<T> floored(Vec<T> v) {
  using V = Vec<T>;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return V{(typename V::Raw)_mm512_maskz_roundscale_ps(-1, (__m512)v.raw, 1)};
  else return V{(typename V::Raw)_mm512_maskz_roundscale_pd(-1, (__m512d)v.raw, 1)};
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) return V{(typename V::Raw)_mm256_floor_ps((__m256)v.raw)};
  else return V{(typename V::Raw)_mm256_floor_pd((__m256d)v.raw)};
#elif defined(__SSE4_1__)
  if constexpr (sizeof(T) == 4) return V{(typename V::Raw)_mm_floor_ps((__m128)v.raw)};
  else return V{(typename V::Raw)_mm_floor_pd((__m128d)v.raw)};
#else
  for (std::ptrdiff_t i = 0; i < V::size; ++i) v.raw[i] = std::floor(v.raw[i]);
  return v;
#endif
}

// 2^x times a constant, for x below 1 or so that is not NaN; 0 where x < `lowest`. The same bits on every level:
// scaling by a power of two is exact.
template <class T>
static inline Vec<T> in_proportion_to_power_of_two(Vec<T> x) {
  using V = Vec<T>;
  constexpr auto& c = PowerOfTwo<T>::coefficients;
  constexpr T lowest = PowerOfTwo<T>::lowest;
#if !defined(__AVX512F__)
  x = max(x, V::fill(lowest - 1));
#endif
  const V n = floored(x), f = x - n;
  V p = f + V::fill(c[0]);
#pragma GCC unroll 16
  for (std::size_t i = 1; i < sizeof(c) / sizeof(T); ++i) p = p * f + V::fill(c[i]);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    const __mmask16 in = _mm512_cmp_ps_mask((__m512)x.raw, _mm512_set1_ps(lowest), _CMP_GE_OQ);
    return V{(typename V::Raw)_mm512_maskz_scalef_ps(in, (__m512)p.raw, (__m512)n.raw)};
  } else {
    const __mmask8 in = _mm512_cmp_pd_mask((__m512d)x.raw, _mm512_set1_pd(lowest), _CMP_GE_OQ);
    return V{(typename V::Raw)_mm512_maskz_scalef_pd(in, (__m512d)p.raw, (__m512d)n.raw)};
  }
#elif defined(__GNUC__)
  using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef Bits RawBits __attribute__((vector_size(kVecBytes)));
  // Adding this leaves n and the exponent's bias in the lowest bits: 0, which makes the number 0, for lowest - 1.
  constexpr T magic = sizeof(T) == 4 ? T(0x1p23 + 127) : T(0x1p52 + 1023);
  constexpr int mantissa = sizeof(T) == 4 ? 23 : 52;
  const RawBits power = (RawBits)(n.raw + magic) << mantissa;
  return V{p.raw * (typename V::Raw)power};
#else
  for (std::ptrdiff_t i = 0; i < V::size; ++i)
    p.raw[i] = n.raw[i] < lowest ? T(0) : std::ldexp(p.raw[i], static_cast<int>(n.raw[i]));
  return p;
#endif
}

}  // namespace cormack::CORMACK_ISA
