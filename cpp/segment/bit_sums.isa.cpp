// Rows are contiguous and of any alignment. Values that are not chosen become 0 before they are added, 64 at a time.
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "segment/bit_sums_rows.hpp"

namespace cormack::CORMACK_ISA {

constexpr std::int64_t kBits = 64;

// chosen[i]: all ones or all zeros.
template <class M>
static void spread(std::uint64_t bits, M* chosen) {
  for (int i = 0; i < kBits; ++i) chosen[i] = static_cast<M>(0 - static_cast<M>(bits >> i & 1));
}

#if defined(__AVX512BW__)
#define CORMACK_WORDS_OF_16
// Shifts as operators: GCC 12 takes the intrinsics' unused lanes for uninitialised variables.
static __m512i high_half(__m512i v) { return reinterpret_cast<__m512i>(reinterpret_cast<__v8du>(v) >> 32); }

// Sums of the lanes of 64 chosen 16 bit values.
struct Lanes16 {
  __m512i sum = _mm512_setzero_si512(), square = _mm512_setzero_si512();  // 32 and 64 bit

  template <class T>
  void add(const T* p, std::uint64_t bits) {
    const __m512i low32 = _mm512_set1_epi64(0xffffffff);
    for (int k = 0; k < 2; ++k) {
      __m512i v = _mm512_maskz_loadu_epi16(static_cast<__mmask32>(bits >> 32 * k), p + 32 * k);
      if constexpr (std::is_same_v<T, std::int16_t>) {
        sum = _mm512_add_epi32(sum, _mm512_madd_epi16(v, _mm512_set1_epi16(1)));
        // Two squares may reach 2^31: the sum of a pair is unsigned.
        const __m512i pair = _mm512_madd_epi16(v, v);
        square = _mm512_add_epi64(square, _mm512_and_si512(pair, low32));
        square = _mm512_add_epi64(square, high_half(pair));
      } else {
        const __m512i even = _mm512_and_si512(v, _mm512_set1_epi32(0xffff)),
                      odd = reinterpret_cast<__m512i>(reinterpret_cast<__v16su>(v) >> 16);
        sum = _mm512_add_epi32(sum, _mm512_add_epi32(even, odd));
        const __m512i a = _mm512_mullo_epi32(even, even), b = _mm512_mullo_epi32(odd, odd);
        square = _mm512_add_epi64(square, _mm512_add_epi64(_mm512_and_si512(a, low32), high_half(a)));
        square = _mm512_add_epi64(square, _mm512_add_epi64(_mm512_and_si512(b, low32), high_half(b)));
      }
    }
  }

  void move_to(BitSums& sums) {
    alignas(64) std::int32_t parts[16];
    alignas(64) std::uint64_t squares[8];
    _mm512_store_si512(parts, sum);
    _mm512_store_si512(squares, square);
    for (const std::int32_t part : parts) sums.sum += part;
    for (const std::uint64_t part : squares) sums.square_low += part;
    *this = Lanes16{};
  }
};
#endif

template <class T>
static void add_word(const T* p, std::uint64_t bits, BitSums& sums) {
  using M = std::make_unsigned_t<T>;
  if constexpr (sizeof(T) <= 2) {
    T values[kBits];
    if (bits == ~std::uint64_t{0}) {
      std::memcpy(values, p, sizeof(values));
    } else {
      M chosen[kBits];
      spread(bits, chosen);
      for (int i = 0; i < kBits; ++i) values[i] = static_cast<T>(static_cast<M>(p[i]) & chosen[i]);
    }
    std::int32_t sum = 0;
    for (int i = 0; i < kBits; ++i) sum += values[i];
    // 64 squares of 16 bits need 38.
    std::uint64_t square = 0;
    for (int i = 0; i < kBits; ++i) {
      const std::uint32_t value = static_cast<std::uint32_t>(static_cast<std::int32_t>(values[i]));
      square += value * value;
    }
    sums.sum += sum;
    sums.square_low += square;
  } else {
    M chosen[kBits];
    spread(bits, chosen);
    std::int64_t sum = 0;
    std::uint64_t low = 0, high = 0;
    for (int i = 0; i < kBits; ++i) {
      const std::int64_t value = static_cast<T>(static_cast<M>(p[i]) & chosen[i]);
      const std::uint64_t square = static_cast<std::uint64_t>(value) * static_cast<std::uint64_t>(value);
      sum += value;
      low += square & 0xffffffffu;
      high += square >> 32;
    }
    sums.sum += sum;
    sums.square_low += low;
    sums.square_high += high;
  }
}

// Calls f(values, bits) for each 64 pixels of which some are chosen.
template <class T, class F>
static void for_each_word(const ChosenRows<T>& rows, F f) {
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const T* values = rows.values + r * rows.stride;
    const std::uint64_t* bits = rows.bits + r * rows.bit_stride;
    for (std::int64_t left = rows.n; left > 0; left -= kBits, values += kBits, ++bits) {
      if (*bits == 0) continue;
      if (left >= kBits) {
        f(values, *bits);
      } else {
        T tail[kBits] = {};
        std::memcpy(tail, values, static_cast<std::size_t>(left) * sizeof(T));
        f(static_cast<const T*>(tail), *bits);
      }
    }
  }
}

template <class T>
static void add_integers(const ChosenRows<T>& rows, BitSums& sums) {
#if defined(CORMACK_WORDS_OF_16)
  if constexpr (sizeof(T) == 2) {
    Lanes16 lanes;
    std::int64_t count = 0, words = 0;
    for_each_word(rows, [&](const T* values, std::uint64_t bits) {
      count += __builtin_popcountll(bits);
      lanes.add(values, bits);
      // Lanes of 32 bits hold the sums of 2^13 words.
      if (++words < 1 << 13) return;
      lanes.move_to(sums);
      words = 0;
    });
    lanes.move_to(sums);
    sums.count += count;
    return;
  }
#endif
  BitSums local;
  for_each_word(rows, [&](const T* values, std::uint64_t bits) {
    local.count += __builtin_popcountll(bits);
    add_word(values, bits, local);
  });
  sums.count += local.count;
  sums.sum += local.sum;
  sums.square_low += local.square_low;
  sums.square_high += local.square_high;
}

// Value i of a word goes to partial sum i % kLanes; those are added pairwise at the end. The same order on every level.
constexpr std::int64_t kLanes = 16;

static double add_pairwise(double* lanes) {
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

template <class T>
static void add_floats(const ChosenRows<T>& rows, BitSums& sums) {
  double sum[kLanes] = {}, square[kLanes] = {};
  for_each_word(rows, [&](const T* values, std::uint64_t bits) {
    sums.count += __builtin_popcountll(bits);
    for (std::int64_t i = 0; i < kBits; i += kLanes) {
      for (std::int64_t k = 0; k < kLanes; ++k) {
        // Not by multiplication: what is not chosen may be NaN.
        const double value = (bits >> (i + k) & 1) != 0 ? static_cast<double>(values[i + k]) : 0.0;
        sum[k] += value;
        square[k] += value * value;
      }
    }
  });
  sums.real_sum += add_pairwise(sum);
  sums.real_square += add_pairwise(square);
}

extern const BitSumsRows bit_sums_rows;
const BitSumsRows bit_sums_rows{
    {add_integers<std::uint8_t>, add_integers<std::int8_t>, add_integers<std::uint16_t>, add_integers<std::int16_t>,
     add_integers<std::uint32_t>, add_integers<std::int32_t>, add_floats<float>, add_floats<double>},
};

}  // namespace cormack::CORMACK_ISA
