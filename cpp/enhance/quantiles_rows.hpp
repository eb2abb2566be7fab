#pragma once
// Numbers as unsigned integers of the same order, of which the loop takes the upper 16 bits. Compiled per instruction
// set.
#include <cstdint>
#include <type_traits>

#include "core/hd.hpp"
#include "core/isa.hpp"

namespace cormack {

template <class T>
using KeyOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

// Negative zero counts as zero, and NaN as the largest key of all.
template <class T>
CORMACK_HD KeyOf<T> key_of(T value) {
  using Key = KeyOf<T>;
  constexpr Key top = Key{1} << (8 * sizeof(T) - 1);
  if constexpr (std::is_floating_point_v<T>) {
    const Key bits = __builtin_bit_cast(Key, value + T(0));
    const Key key = bits & top ? ~bits : bits | top;
    return value == value ? key : ~Key{0};
  } else {
    return static_cast<Key>(value) ^ (std::is_signed_v<T> ? top : Key{0});
  }
}

template <class T>
CORMACK_HD T value_of(KeyOf<T> key) {
  using Key = KeyOf<T>;
  constexpr Key top = Key{1} << (8 * sizeof(T) - 1);
  if constexpr (std::is_floating_point_v<T>) return __builtin_bit_cast(T, key & top ? key ^ top : ~key);
  else return static_cast<T>(key ^ (std::is_signed_v<T> ? top : Key{0}));
}

template <class T>
using TopWordsRow = void (*)(const T* values, std::int64_t n, std::uint16_t* words);

struct QuantilesRows {
  TopWordsRow<std::uint32_t> u32;
  TopWordsRow<std::int32_t> i32;
  TopWordsRow<float> f32;
  TopWordsRow<double> f64;

  template <class T>
  TopWordsRow<T> get() const {
    if constexpr (std::is_same_v<T, std::uint32_t>) return u32;
    else if constexpr (std::is_same_v<T, std::int32_t>) return i32;
    else if constexpr (std::is_same_v<T, float>) return f32;
    else return f64;
  }
};

CORMACK_TABLE(QuantilesRows, quantiles_rows)

}  // namespace cormack
