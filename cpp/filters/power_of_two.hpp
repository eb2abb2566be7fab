#pragma once
// 2^x for weights, in the lanes of a register. For *.isa.cpp files alone.
#include <cmath>

#include "core/vec.hpp"

namespace cormack::CORMACK_ISA {

// Minimax polynomials of 2^f on [0, 1): off by 2.6e-6 and 8e-13, before rounding.
template <class T>
struct PowerOfTwo;
template <>
struct PowerOfTwo<float> {
  static constexpr float kLowest = -40;
  static constexpr float coefficients[] = {0x1.bb7cd4p-7f, 0x1.aa13f0p-5f, 0x1.ee798ap-3f, 0x1.62d166p-1f,
                                           0x1.00002cp+0f};
};
template <>
struct PowerOfTwo<double> {
  static constexpr double kLowest = -60;
  static constexpr double coefficients[] = {0x1.f4303da4b6da1p-20, 0x1.dc6699bc7fe16p-17, 0x1.4548ae8b1a0d6p-13,
                                            0x1.5d5e05485e653p-10, 0x1.3b2c7e8027cfdp-7,  0x1.c6b077f0acc3ep-5,
                                            0x1.ebfbe0790ede2p-3,  0x1.62e42fee7d6f2p-1,  0x1.0000000000da0p+0};
};

template <class T>
static inline Vec<T> polynomial(Vec<T> f) {
  constexpr auto& c = PowerOfTwo<T>::coefficients;
  Vec<T> p = Vec<T>::fill(c[0]);
#pragma GCC unroll 16
  for (std::size_t i = 1; i < sizeof(c) / sizeof(T); ++i) p = p * f + Vec<T>::fill(c[i]);
  return p;
}

template <class T>
static inline Vec<T> floored(Vec<T> v) {
  using Lanes = Vec<T>;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return Lanes{(typename Lanes::Raw)_mm512_maskz_roundscale_ps(-1, (__m512)v.raw, 1)};
  else return Lanes{(typename Lanes::Raw)_mm512_maskz_roundscale_pd(-1, (__m512d)v.raw, 1)};
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) return Lanes{(typename Lanes::Raw)_mm256_floor_ps((__m256)v.raw)};
  else return Lanes{(typename Lanes::Raw)_mm256_floor_pd((__m256d)v.raw)};
#elif defined(__SSE4_1__)
  if constexpr (sizeof(T) == 4) return Lanes{(typename Lanes::Raw)_mm_floor_ps((__m128)v.raw)};
  else return Lanes{(typename Lanes::Raw)_mm_floor_pd((__m128d)v.raw)};
#else
  for (std::ptrdiff_t i = 0; i < Lanes::size; ++i) v.raw[i] = std::floor(v.raw[i]);
  return v;
#endif
}

// For x <= 0 or so; 0 below kLowest and for NaN. The same bits on every level: the scaling is exact.
template <class T>
static inline Vec<T> power_of_two(Vec<T> x) {
  const Vec<T> n = floored(x), p = polynomial(x - n);
#if defined(__AVX512F__) && defined(__GNUC__)
  if constexpr (sizeof(T) == 4) {
    const __m512 v = (__m512)x.raw;
    const __mmask16 in = _mm512_cmp_ps_mask(v, _mm512_set1_ps(PowerOfTwo<T>::kLowest), _CMP_GE_OQ);
    return {(typename Vec<T>::Raw)_mm512_maskz_scalef_ps(in, (__m512)p.raw, v)};
  } else {
    const __m512d v = (__m512d)x.raw;
    const __mmask8 in = _mm512_cmp_pd_mask(v, _mm512_set1_pd(PowerOfTwo<T>::kLowest), _CMP_GE_OQ);
    return {(typename Vec<T>::Raw)_mm512_maskz_scalef_pd(in, (__m512d)p.raw, v)};
  }
#elif defined(__GNUC__)
  using Raw = typename Vec<T>::Raw;
  using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef Bits RawBits __attribute__((vector_size(kVecBytes)));
  // Adding this leaves an integer in the lowest bits, with the exponent's bias.
  constexpr T magic = sizeof(T) == 4 ? T(0x1p23 + 127) : T(0x1p52 + 1023);
  constexpr int mantissa = sizeof(T) == 4 ? 23 : 52;
  const RawBits exponent = (RawBits)(n.raw + magic) << mantissa;
  const RawBits in = x.raw >= PowerOfTwo<T>::kLowest;
  return {(Raw)((RawBits)(p.raw * (Raw)exponent) & in)};
#else
  Vec<T> result = p;
  for (std::ptrdiff_t i = 0; i < Vec<T>::size; ++i)
    result.raw[i] = x.raw[i] >= PowerOfTwo<T>::kLowest ? std::ldexp(p.raw[i], static_cast<int>(n.raw[i])) : T(0);
  return result;
#endif
}

}  // namespace cormack::CORMACK_ISA
