#pragma once
// Vec<T>: a vector register of T, for *.isa.cpp files alone. Compilers' vector extensions; elsewhere an array that the
// optimiser may vectorise. Where a loop is min, max and select, auto-vectorisation is a cliff (clang 14 was 35 to 50
// times slower): such loops use Vec. Linear loops stay plain C++.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cormack::CORMACK_ISA {

#if defined(__AVX512BW__)
inline constexpr std::size_t kVecBytes = 64;
#elif defined(__AVX2__)
inline constexpr std::size_t kVecBytes = 32;
#else
inline constexpr std::size_t kVecBytes = 16;
#endif

#if defined(__GNUC__)
template <class T, std::ptrdiff_t count>
struct LanesOf {
  typedef T Type __attribute__((vector_size(count * sizeof(T))));
};
template <class T, std::ptrdiff_t count>
using Lanes = typename LanesOf<T, count>::Type;
#endif

// Brings the cache line at p near, for loops whose stride the processor does not foresee. p may lie anywhere.
inline void prefetch([[maybe_unused]] const void* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#endif
}

template <class T>
struct Vec {
  static constexpr std::ptrdiff_t size = kVecBytes / sizeof(T);

#if defined(__GNUC__)
  typedef T Raw __attribute__((vector_size(kVecBytes)));
  Raw raw;

  static Vec load(const T* p) {
    Vec v;
    std::memcpy(&v.raw, p, kVecBytes);
    return v;
  }
  void store(T* p) const { std::memcpy(p, &raw, kVecBytes); }
  // To aligned memory that is not read soon: where a vector is a cache line, the line is not fetched first. Other
  // threads see it after a locked instruction, such as those that end a parallel_for.
  void store_past_caches(T* p) const {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<T, double>) return _mm512_stream_pd(p, (__m512d)raw);
#endif
    store(p);
  }
  static Vec fill(T value) { return {value - Raw{}}; }
  // As many values of another type as the vector has lanes, converted. `from` wants a type of the same size.
  template <class From>
  static Vec load_as(const From* p) {
    Lanes<From, size> other;
    std::memcpy(&other, p, sizeof(other));
    if constexpr (sizeof(From) == 1 && sizeof(T) == 4) {
      // In steps of two: g++ 12 takes a step of four apart into single values.
      const auto wider = __builtin_convertvector(other, Lanes<std::int16_t, size>);
      return {__builtin_convertvector(__builtin_convertvector(wider, Lanes<std::int32_t, size>), Raw)};
    } else {
      return {__builtin_convertvector(other, Raw)};
    }
  }
  template <class From>
  static Vec from(Vec<From> other) {
    return {__builtin_convertvector(other.raw, Raw)};
  }
  // Lanes move up by `step`, zeros enter below.
  template <std::ptrdiff_t step>
  Vec moved_up() const {
#if defined(__clang__)
    Vec moved = fill(0);
    for (std::ptrdiff_t i = step; i < size; ++i) moved.raw[i] = raw[i - step];
    return moved;
#else
    Lanes<std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>, size> from{};
    for (std::ptrdiff_t i = 0; i < size; ++i) from[i] = static_cast<int>(size - step + i);
    return {__builtin_shuffle(Raw{}, raw, from)};
#endif
  }
  Vec last_in_all_lanes() const {
#if defined(__clang__)
    return fill(raw[size - 1]);
#else
    Lanes<std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>, size> from{};
    for (std::ptrdiff_t i = 0; i < size; ++i) from[i] = static_cast<int>(size - 1);
    return {__builtin_shuffle(raw, from)};
#endif
  }
  // The lower (upper) halves of a and b, lanes in turn: a0 b0 a1 b1 ...
  template <bool upper>
  static Vec zipped(Vec a, Vec b) {
#if defined(__clang__)
    Vec result;
    for (std::ptrdiff_t i = 0; i < size; ++i) result.raw[i] = (i % 2 ? b : a).raw[i / 2 + (upper ? size / 2 : 0)];
    return result;
#else
    Lanes<std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>, size> from{};
    for (std::ptrdiff_t i = 0; i < size; ++i)
      from[i] = static_cast<int>(i / 2 + (upper ? size / 2 : 0) + (i % 2 ? size : 0));
    return {__builtin_shuffle(a.raw, b.raw, from)};
#endif
  }
  friend Vec operator+(Vec a, Vec b) { return {a.raw + b.raw}; }
  friend Vec operator-(Vec a, Vec b) { return {a.raw - b.raw}; }
  friend Vec operator*(Vec a, Vec b) { return {a.raw * b.raw}; }

  // For floating point, g++ turns `a < b ? a : b` into a compare and a blend; minps and maxps have the same meaning.
  // The masked forms with a full mask are the same instructions; g++ 12 warns about the plain ones' own header.
  friend Vec min(Vec a, Vec b) {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float>) return {(Raw)_mm512_maskz_min_ps(-1, (__m512)a.raw, (__m512)b.raw)};
    if constexpr (std::is_same_v<T, double>) return {(Raw)_mm512_maskz_min_pd(-1, (__m512d)a.raw, (__m512d)b.raw)};
#elif defined(__AVX__)
    if constexpr (std::is_same_v<T, float>) return {(Raw)_mm256_min_ps((__m256)a.raw, (__m256)b.raw)};
    if constexpr (std::is_same_v<T, double>) return {(Raw)_mm256_min_pd((__m256d)a.raw, (__m256d)b.raw)};
#elif defined(__SSE2__)
    if constexpr (std::is_same_v<T, float>) return {(Raw)_mm_min_ps((__m128)a.raw, (__m128)b.raw)};
    if constexpr (std::is_same_v<T, double>) return {(Raw)_mm_min_pd((__m128d)a.raw, (__m128d)b.raw)};
#endif
    return {a.raw < b.raw ? a.raw : b.raw};
  }
  friend Vec max(Vec a, Vec b) {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float>) return {(Raw)_mm512_maskz_max_ps(-1, (__m512)b.raw, (__m512)a.raw)};
    if constexpr (std::is_same_v<T, double>) return {(Raw)_mm512_maskz_max_pd(-1, (__m512d)b.raw, (__m512d)a.raw)};
#elif defined(__AVX__)
    if constexpr (std::is_same_v<T, float>) return {(Raw)_mm256_max_ps((__m256)b.raw, (__m256)a.raw)};
    if constexpr (std::is_same_v<T, double>) return {(Raw)_mm256_max_pd((__m256d)b.raw, (__m256d)a.raw)};
#elif defined(__SSE2__)
    if constexpr (std::is_same_v<T, float>) return {(Raw)_mm_max_ps((__m128)b.raw, (__m128)a.raw)};
    if constexpr (std::is_same_v<T, double>) return {(Raw)_mm_max_pd((__m128d)b.raw, (__m128d)a.raw)};
#endif
    return {a.raw < b.raw ? b.raw : a.raw};
  }

#if defined(__AVX512F__)
  // Lanes `first` .. `first` + size - 1 of a followed by b, for float; one instruction, where an unaligned load from
  // two cache lines takes the time of two.
  static Lanes<std::int32_t, size> lanes_from(std::int64_t first) {
    static_assert(sizeof(T) == 4);
    Lanes<std::int32_t, size> lanes{};
    for (std::ptrdiff_t i = 0; i < size; ++i) lanes[i] = static_cast<std::int32_t>(i);
    return lanes + static_cast<std::int32_t>(first);
  }
  static Vec across(Vec a, Vec b, Lanes<std::int32_t, size> lanes) {
    return {(Raw)_mm512_permutex2var_ps((__m512)a.raw, (__m512i)lanes, (__m512)b.raw)};
  }
#endif
  // For integers.
  friend Vec operator&(Vec a, Vec b) { return {a.raw & b.raw}; }
  friend Vec equal(Vec a, Vec b) { return {(Raw)(a.raw == b.raw)}; }
  friend Vec shifted_right(Vec a, int bits) { return {a.raw >> static_cast<T>(bits)}; }
  // For uint16: the upper half of the products.
  friend Vec upper_product(Vec a, Vec b) {
    static_assert(std::is_same_v<T, std::uint16_t>);
#if defined(__AVX512BW__)
    return {(Raw)_mm512_mulhi_epu16((__m512i)a.raw, (__m512i)b.raw)};
#elif defined(__AVX2__)
    return {(Raw)_mm256_mulhi_epu16((__m256i)a.raw, (__m256i)b.raw)};
#elif defined(__SSE2__)
    return {(Raw)_mm_mulhi_epu16((__m128i)a.raw, (__m128i)b.raw)};
#else
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = static_cast<T>((std::uint32_t{a.raw[i]} * b.raw[i]) >> 16);
    return a;
#endif
  }

  // For signed integers. A mask is a vector of 0 (false) and -1 (true).
  friend Vec greater(Vec a, Vec b) { return {a.raw > b.raw}; }
  friend Vec select(Vec mask, Vec a, Vec b) { return {mask.raw ? a.raw : b.raw}; }
  friend Vec midpoint(Vec a, Vec b) { return {(a.raw & b.raw) + ((a.raw ^ b.raw) >> 1)}; }  // rounded down
  // For floating point: a where the condition holds, else 0.
  friend Vec where_positive(Vec condition, Vec a) { return {condition.raw > 0 ? a.raw : Raw{}}; }
  friend Vec where_number(Vec condition, Vec a) { return {condition.raw == condition.raw ? a.raw : Raw{}}; }
  friend bool any(Vec mask) { return any_bit(mask.raw); }
  friend bool has_nan(Vec v) { return any_bit(v.raw != v.raw); }
  friend bool any_above(Vec a, Vec b) { return any_bit(a.raw > b.raw); }

 private:
  template <class Mask>
  static bool any_bit(Mask mask) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(__AVX2__)
    return _mm256_testz_si256((__m256i)mask, (__m256i)mask) == 0;
#elif defined(__SSE4_1__)
    return _mm_testz_si128((__m128i)mask, (__m128i)mask) == 0;
#else
    bool found = false;
    for (std::ptrdiff_t i = 0; i < size; ++i) found |= mask[i] != 0;
    return found;
#endif
  }
#else
  T raw[size];

  static Vec load(const T* p) {
    Vec v;
    std::memcpy(v.raw, p, kVecBytes);
    return v;
  }
  void store(T* p) const { std::memcpy(p, raw, kVecBytes); }
  void store_past_caches(T* p) const { store(p); }
  static Vec fill(T value) {
    Vec v;
    for (std::ptrdiff_t i = 0; i < size; ++i) v.raw[i] = value;
    return v;
  }
  template <class From>
  static Vec load_as(const From* p) {
    Vec v;
    for (std::ptrdiff_t i = 0; i < size; ++i) v.raw[i] = static_cast<T>(p[i]);
    return v;
  }
  template <class From>
  static Vec from(Vec<From> other) {
    return load_as(other.raw);
  }
  // Lanes move up by `step`, zeros enter below.
  template <std::ptrdiff_t step>
  Vec moved_up() const {
    Vec moved;
    for (std::ptrdiff_t i = 0; i < size; ++i) moved.raw[i] = i < step ? T(0) : raw[i - step];
    return moved;
  }
  Vec last_in_all_lanes() const { return fill(raw[size - 1]); }
  // The lower (upper) halves of a and b, lanes in turn: a0 b0 a1 b1 ...
  template <bool upper>
  static Vec zipped(Vec a, Vec b) {
    Vec v;
    for (std::ptrdiff_t i = 0; i < size; ++i) v.raw[i] = (i % 2 ? b : a).raw[i / 2 + (upper ? size / 2 : 0)];
    return v;
  }
  friend Vec operator+(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = static_cast<T>(a.raw[i] + b.raw[i]);
    return a;
  }
  friend Vec operator-(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = static_cast<T>(a.raw[i] - b.raw[i]);
    return a;
  }
  friend Vec operator*(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = static_cast<T>(a.raw[i] * b.raw[i]);
    return a;
  }
  friend Vec min(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = a.raw[i] < b.raw[i] ? a.raw[i] : b.raw[i];
    return a;
  }
  friend Vec max(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = a.raw[i] < b.raw[i] ? b.raw[i] : a.raw[i];
    return a;
  }

  // For integers.
  friend Vec operator&(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = static_cast<T>(a.raw[i] & b.raw[i]);
    return a;
  }
  friend Vec equal(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = a.raw[i] == b.raw[i] ? static_cast<T>(-1) : T(0);
    return a;
  }
  friend Vec shifted_right(Vec a, int bits) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = static_cast<T>(a.raw[i] >> bits);
    return a;
  }
  // For uint16: the upper half of the products.
  friend Vec upper_product(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = static_cast<T>((std::uint32_t{a.raw[i]} * b.raw[i]) >> 16);
    return a;
  }

  // For signed integers. A mask is a vector of 0 (false) and -1 (true).
  friend Vec greater(Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = a.raw[i] > b.raw[i] ? T(-1) : T(0);
    return a;
  }
  friend Vec select(Vec mask, Vec a, Vec b) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = mask.raw[i] ? a.raw[i] : b.raw[i];
    return a;
  }
  friend Vec midpoint(Vec a, Vec b) {  // rounded down
    for (std::ptrdiff_t i = 0; i < size; ++i)
      a.raw[i] = static_cast<T>((a.raw[i] & b.raw[i]) + ((a.raw[i] ^ b.raw[i]) >> 1));
    return a;
  }
  friend Vec where_positive(Vec condition, Vec a) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = condition.raw[i] > 0 ? a.raw[i] : T{0};
    return a;
  }
  friend Vec where_number(Vec condition, Vec a) {
    for (std::ptrdiff_t i = 0; i < size; ++i) a.raw[i] = condition.raw[i] == condition.raw[i] ? a.raw[i] : T{0};
    return a;
  }
  friend bool any(Vec mask) {
    T found = 0;
    for (std::ptrdiff_t i = 0; i < size; ++i) found |= mask.raw[i];
    return found != 0;
  }
  friend bool has_nan(Vec v) {
    bool found = false;
    for (std::ptrdiff_t i = 0; i < size; ++i) found |= v.raw[i] != v.raw[i];
    return found;
  }
  friend bool any_above(Vec a, Vec b) {
    bool found = false;
    for (std::ptrdiff_t i = 0; i < size; ++i) found |= a.raw[i] > b.raw[i];
    return found;
  }
#endif
};

// Rows for columns of a square of as many vectors as one has lanes.
template <class T>
static inline void transpose(Vec<T> (&v)[Vec<T>::size]) {
  constexpr std::ptrdiff_t size = Vec<T>::size;
  for (std::ptrdiff_t step = 1; step < size; step *= 2) {
    Vec<T> next[size];
    for (std::ptrdiff_t i = 0; i < size / 2; ++i) {
      next[2 * i] = Vec<T>::template zipped<false>(v[i], v[i + size / 2]);
      next[2 * i + 1] = Vec<T>::template zipped<true>(v[i], v[i + size / 2]);
    }
    for (std::ptrdiff_t i = 0; i < size; ++i) v[i] = next[i];
  }
}

}  // namespace cormack::CORMACK_ISA
