// Rows are contiguous and of any alignment. A comparison gives a mask per vector with AVX-512, bytes that movemask
// packs with SSE4.1, and bytes that a multiplication packs elsewhere.
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "segment/bit_image_rows.hpp"

namespace cormack::CORMACK_ISA {

constexpr std::int64_t kBits = 64;

#if defined(__AVX512BW__)

template <class T>
static __m512i broadcast(T value) {
  if constexpr (sizeof(T) == 1) return _mm512_set1_epi8(static_cast<char>(value));
  else if constexpr (sizeof(T) == 2) return _mm512_set1_epi16(static_cast<short>(value));
  else return _mm512_set1_epi32(static_cast<int>(value));
}

// The predicate gives the mask of the vector at p: word() joins those of 64 pixels.
template <class T, class Mask>
static std::uint64_t word(const T* p, Mask mask) {
  constexpr int lanes = 64 / sizeof(T);
  std::uint64_t bits = 0;
  for (int k = 0; k < kBits; k += lanes) {
    auto some = mask(p + k);
    // Through a general register: g++ 12 saves a mask of 32 bits for a call, as sanitizers make them, and restores 64.
#if defined(__GNUC__)
    asm("" : "+r"(some));
#endif
    bits |= static_cast<std::uint64_t>(some) << k;
  }
  return bits;
}

template <class T>
static std::uint64_t range_word(const T* p, T lower, T upper) {
  if constexpr (std::is_same_v<T, float>) {
    const __m512 low = _mm512_set1_ps(lower), high = _mm512_set1_ps(upper);
    return word(p, [=](const T* q) {
      const __m512 v = _mm512_loadu_ps(q);
      return _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(v, low, _CMP_GE_OQ), v, high, _CMP_LE_OQ);
    });
  } else if constexpr (std::is_same_v<T, double>) {
    const __m512d low = _mm512_set1_pd(lower), high = _mm512_set1_pd(upper);
    return word(p, [=](const T* q) {
      const __m512d v = _mm512_loadu_pd(q);
      return _mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(v, low, _CMP_GE_OQ), v, high, _CMP_LE_OQ);
    });
  } else {
    // One comparison: v - lower, modulo 2^bits, is at most upper - lower.
    using U = std::make_unsigned_t<T>;
    const __m512i low = broadcast(lower);
    const __m512i width = broadcast(static_cast<U>(static_cast<U>(upper) - static_cast<U>(lower)));
    return word(p, [=](const T* q) {
      const __m512i v = _mm512_loadu_si512(q);
      if constexpr (sizeof(T) == 1) return _mm512_cmple_epu8_mask(_mm512_sub_epi8(v, low), width);
      else if constexpr (sizeof(T) == 2) return _mm512_cmple_epu16_mask(_mm512_sub_epi16(v, low), width);
      else return _mm512_cmple_epu32_mask(_mm512_sub_epi32(v, low), width);
    });
  }
}

template <class T>
static std::uint64_t differ_word(const T* p, const T* q) {
  const std::ptrdiff_t to_q = q - p;
  return word(p, [=](const T* at) {
    const __m512i a = _mm512_loadu_si512(at), b = _mm512_loadu_si512(at + to_q);
    if constexpr (sizeof(T) == 1) return _mm512_cmpneq_epi8_mask(a, b);
    else if constexpr (sizeof(T) == 2) return _mm512_cmpneq_epi16_mask(a, b);
    else return _mm512_cmpneq_epi32_mask(a, b);
  });
}

static void expand_word(std::uint64_t bits, std::uint8_t* out) {
  _mm512_storeu_si512(out, _mm512_maskz_set1_epi8(bits, 1));
}

#elif defined(__SSE4_1__)

static __m128i load128(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

template <class T>
static __m128i broadcast(T value) {
  if constexpr (sizeof(T) == 1) return _mm_set1_epi8(static_cast<char>(value));
  else if constexpr (sizeof(T) == 2) return _mm_set1_epi16(static_cast<short>(value));
  else return _mm_set1_epi32(static_cast<int>(value));
}

// The predicate gives lanes of ones and zeros for the vector at p: word() packs those of 64 pixels to bits.
template <class T, class Lanes>
static std::uint64_t word(const T* p, Lanes lanes) {
  std::uint64_t bits = 0;
  for (int k = 0; k < kBits; k += 16) {
    const T* q = p + k;
    unsigned mask = 0;
    if constexpr (sizeof(T) == 1) {
      mask = static_cast<unsigned>(_mm_movemask_epi8(lanes(q)));
    } else if constexpr (sizeof(T) == 2) {
      mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(lanes(q), lanes(q + 8))));
    } else if constexpr (sizeof(T) == 4) {
      const __m128i a = _mm_packs_epi32(lanes(q), lanes(q + 4)), b = _mm_packs_epi32(lanes(q + 8), lanes(q + 12));
      mask = static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(a, b)));
    } else {
      for (int i = 0; i < 16; i += 2)
        mask |= static_cast<unsigned>(_mm_movemask_pd(_mm_castsi128_pd(lanes(q + i)))) << i;
    }
    bits |= static_cast<std::uint64_t>(mask) << k;
  }
  return bits;
}

template <class T>
static std::uint64_t range_word(const T* p, T lower, T upper) {
  if constexpr (std::is_same_v<T, float>) {
    const __m128 low = _mm_set1_ps(lower), high = _mm_set1_ps(upper);
    return word(p, [=](const T* q) {
      const __m128 v = _mm_loadu_ps(q);
      return _mm_castps_si128(_mm_and_ps(_mm_cmpge_ps(v, low), _mm_cmple_ps(v, high)));
    });
  } else if constexpr (std::is_same_v<T, double>) {
    const __m128d low = _mm_set1_pd(lower), high = _mm_set1_pd(upper);
    return word(p, [=](const T* q) {
      const __m128d v = _mm_loadu_pd(q);
      return _mm_castpd_si128(_mm_and_pd(_mm_cmpge_pd(v, low), _mm_cmple_pd(v, high)));
    });
  } else {
    // v - lower, modulo 2^bits, is at most upper - lower; SSE has no unsigned comparison, but an unsigned minimum.
    using U = std::make_unsigned_t<T>;
    const __m128i low = broadcast(lower);
    const __m128i width = broadcast(static_cast<U>(static_cast<U>(upper) - static_cast<U>(lower)));
    return word(p, [=](const T* q) {
      const __m128i v = load128(q);
      if constexpr (sizeof(T) == 1) {
        const __m128i d = _mm_sub_epi8(v, low);
        return _mm_cmpeq_epi8(_mm_min_epu8(d, width), d);
      } else if constexpr (sizeof(T) == 2) {
        const __m128i d = _mm_sub_epi16(v, low);
        return _mm_cmpeq_epi16(_mm_min_epu16(d, width), d);
      } else {
        const __m128i d = _mm_sub_epi32(v, low);
        return _mm_cmpeq_epi32(_mm_min_epu32(d, width), d);
      }
    });
  }
}

template <class T>
static std::uint64_t differ_word(const T* p, const T* q) {
  const std::ptrdiff_t to_q = q - p;
  return ~word(p, [=](const T* at) {
    const __m128i a = load128(at), b = load128(at + to_q);
    if constexpr (sizeof(T) == 1) return _mm_cmpeq_epi8(a, b);
    else if constexpr (sizeof(T) == 2) return _mm_cmpeq_epi16(a, b);
    else return _mm_cmpeq_epi32(a, b);
  });
}

static void expand_word(std::uint64_t bits, std::uint8_t* out) {
  const __m128i spread = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1);
  const __m128i bit = _mm_set1_epi64x(static_cast<long long>(0x8040201008040201ull));
  for (int k = 0; k < kBits; k += 16) {
    const __m128i two = _mm_cvtsi32_si128(static_cast<int>(bits >> k & 0xffff));
    const __m128i set = _mm_and_si128(_mm_shuffle_epi8(two, spread), bit);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + k), _mm_min_epu8(set, _mm_set1_epi8(1)));
  }
}

#else

// The predicate says 0 or 1 for a pixel.
template <class T, class Predicate>
static std::uint64_t word(const T* p, Predicate predicate) {
  std::uint8_t bytes[kBits];
  for (int i = 0; i < kBits; ++i) bytes[i] = predicate(p + i);
  std::uint64_t bits = 0;
  for (int k = 0; k < 8; ++k) {
    std::uint64_t eight = 0;
    for (int i = 0; i < 8; ++i) eight |= static_cast<std::uint64_t>(bytes[8 * k + i]) << (8 * i);
    bits |= (eight * 0x0102040810204080ull >> 56) << (8 * k);
  }
  return bits;
}

template <class T>
static std::uint64_t range_word(const T* p, T lower, T upper) {
  return word(p, [=](const T* q) { return static_cast<std::uint8_t>((*q >= lower) & (*q <= upper)); });
}

template <class T>
static std::uint64_t differ_word(const T* p, const T* q) {
  const std::ptrdiff_t to_q = q - p;
  return word(p, [=](const T* at) { return static_cast<std::uint8_t>(at[0] != at[to_q]); });
}

static void expand_word(std::uint64_t bits, std::uint8_t* out) {
  for (int i = 0; i < kBits; ++i) out[i] = static_cast<std::uint8_t>(bits >> i & 1);
}

#endif

template <class T>
static void range_bits(const T* row, std::uint64_t* bits, std::int64_t n, T lower, T upper, std::uint64_t flip) {
  for (; n >= kBits; n -= kBits, row += kBits) *bits++ = range_word(row, lower, upper) ^ flip;
  if (n > 0) {
    T tail[kBits] = {};
    std::memcpy(tail, row, static_cast<std::size_t>(n) * sizeof(T));
    *bits = (range_word(tail, lower, upper) ^ flip) & ((std::uint64_t{1} << n) - 1);
  }
}

template <class T>
static void change_bits(const T* row, std::uint64_t* bits, std::int64_t n) {
  for (std::int64_t begin = 0; begin < n; begin += kBits, ++bits) {
    const std::int64_t left = n - begin < kBits ? n - begin : kBits;
    if (begin > 0 && left == kBits) {
      *bits = differ_word(row + begin, row + begin - 1);
      continue;
    }
    // before[1 + i] is pixel i of this word.
    T before[kBits + 1] = {};
    const std::int64_t first = begin > 0 ? 0 : 1;
    std::memcpy(before + first, row + begin - 1 + first, static_cast<std::size_t>(left + 1 - first) * sizeof(T));
    const std::uint64_t inside = left == kBits ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
    *bits = differ_word(before + 1, static_cast<const T*>(before)) & inside;
  }
}

static void expand(const std::uint64_t* bits, std::uint8_t* row, std::int64_t n) {
  for (; n >= kBits; n -= kBits, row += kBits) expand_word(*bits++, row);
  if (n > 0) {
    std::uint8_t tail[kBits];
    expand_word(*bits, tail);
    std::memcpy(row, tail, static_cast<std::size_t>(n));
  }
}

extern const BitImageRows bit_image_rows;
const BitImageRows bit_image_rows{
    {range_bits<std::uint8_t>, range_bits<std::int8_t>, range_bits<std::uint16_t>, range_bits<std::int16_t>,
     range_bits<std::uint32_t>, range_bits<std::int32_t>, range_bits<float>, range_bits<double>},
    {change_bits<std::uint8_t>, change_bits<std::int8_t>, change_bits<std::uint16_t>, change_bits<std::int16_t>,
     change_bits<std::uint32_t>, change_bits<std::int32_t>, nullptr, nullptr},
    expand,
};

}  // namespace cormack::CORMACK_ISA
