// Rows are contiguous and of any alignment. Values that are not chosen become 0 before they are added, 64 at a time.
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "segment/bit_sums_rows.hpp"

namespace cormack::CORMACK_ISA {

constexpr std::int64_t kBits = 64;

// chosen[i]: all ones or all zeros. As many bits at a time as a lane has, so that each lane tests one of its own.
template <class M>
static void spread(std::uint64_t bits, M* chosen) {
  constexpr int lanes = 8 * sizeof(M);
  for (int k = 0; k < kBits; k += lanes) {
    const M some = static_cast<M>(bits >> k);
    for (int i = 0; i < lanes; ++i) {
      const M mine = static_cast<M>(M{1} << i);
      chosen[k + i] = (some & mine) == mine ? static_cast<M>(~M{0}) : M{0};
    }
  }
}

#if defined(__SSE4_1__)
// Vectors of 128 bits on every level: with wider ones these sums took longer.

// The values at p less an offset of `flip`, 0 where the lowest bits are 0.
static __m128i chosen16(const void* p, std::uint64_t bits, __m128i flip) {
  const __m128i bit = _mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128);
  const __m128i mine = _mm_and_si128(_mm_set1_epi16(static_cast<short>(bits & 0xff)), bit);
  const __m128i v = _mm_xor_si128(_mm_loadu_si128(static_cast<const __m128i*>(p)), flip);
  return _mm_and_si128(v, _mm_cmpeq_epi16(mine, bit));
}

// Sums over chosen 16 bit values; unsigned ones are taken less 2^15, which makes them signed.
template <class T>
struct Lanes16 {
  static constexpr std::int64_t kOffset = std::is_signed_v<T> ? 0 : 32768;
  static constexpr int kLanes = sizeof(__m128i) / 2;

  __m128i sum = _mm_setzero_si128(), square = _mm_setzero_si128();  // lanes of 32 and 64 bits
  std::int64_t count = 0;
  int words = 0;

  void add(const T* p, std::uint64_t bits, BitSums& sums) {
    count += __builtin_popcountll(bits);
    const __m128i flip = _mm_set1_epi16(static_cast<short>(kOffset)), one = _mm_set1_epi16(1);
    const __m128i low_half = _mm_set1_epi64x(0xffffffff);
    for (int k = 0; k < kBits; k += kLanes) {
      const __m128i v = chosen16(p + k, bits >> k, flip);
      sum = _mm_add_epi32(sum, _mm_madd_epi16(v, one));
      // Two squares may reach 2^31: the sum of a pair is unsigned.
      const __m128i two = _mm_madd_epi16(v, v);
      square = _mm_add_epi64(square, _mm_add_epi64(_mm_and_si128(two, low_half), _mm_srli_epi64(two, 32)));
    }
    // Lanes of 32 bits hold the sums of 2^12 words: each adds at most 16 values to one.
    if (++words == 1 << 12) move_to(sums);
  }

  void move_to(BitSums& sums) {
    alignas(64) std::int32_t parts[sizeof(__m128i) / 4];
    alignas(64) std::uint64_t squares[sizeof(__m128i) / 8];
    std::memcpy(parts, &sum, sizeof(sum));
    std::memcpy(squares, &square, sizeof(square));
    std::int64_t total = 0;
    for (const std::int32_t part : parts) total += part;
    sums.count += count;
    sums.sum += total + kOffset * count;
    // Modulo 2^64, like the total of the squares, which is within it.
    sums.square_low += static_cast<std::uint64_t>(2 * kOffset * total + kOffset * kOffset * count);
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
#if defined(__SSE4_1__)
  if constexpr (sizeof(T) == 2) {
    Lanes16<T> lanes;
    for_each_word(rows, [&](const T* values, std::uint64_t bits) { lanes.add(values, bits, sums); });
    lanes.move_to(sums);
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
