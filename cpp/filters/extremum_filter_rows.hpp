#pragma once
// The loops behind extremum_filter. Compiled per instruction set. They work on keys: the integers themselves, and for
// floating point signed integers in the order of the values. Rows that they read, and rows that only they write, have
// kRowSlack bytes beyond their end.
#include <cstdint>
#include <type_traits>

#include "core/isa.hpp"

namespace cormack {

inline constexpr std::int64_t kRowSlack = 128;
// What `columns` keeps for each window of a block, in bytes.
inline constexpr std::int64_t kSuffixBytes = 256;

template <class Key>
struct ExtremumKernels {
  // out[k][i] = the extremum of rows[k * pitch + i .. k * pitch + i + size - 1], for 0 <= k < count and 0 <= i < n.
  // Destroys the rows.
  void (*windows)(Key* rows, std::int64_t pitch, std::int64_t count, std::int64_t size, Key* const* out,
                  std::int64_t n);
  // out[i * stride + x] = the extremum of rows[i .. i + size - 1][x], for 0 <= i < count and 0 <= x < n. `suffixes`
  // has kSuffixBytes for each of min(size, count) windows.
  void (*columns)(const Key* const* rows, std::int64_t size, std::int64_t count, Key* out, std::int64_t stride,
                  std::int64_t n, Key* suffixes);
  // out[x] = the extremum of rows[0 .. count - 1][x], for 0 <= x < n.
  void (*join)(const Key* const* rows, std::int64_t count, Key* out, std::int64_t n);
};

template <class Key>
struct ExtremumPair {
  ExtremumKernels<Key> minimum, maximum;
};

// The bits of floating point numbers to keys, and back, in place.
template <class Key>
struct KeyCodec {
  void (*encode)(Key* row, std::int64_t n);
  void (*decode)(Key* row, std::int64_t n);
};

struct ExtremumRows {
  ExtremumPair<std::uint8_t> u8;
  ExtremumPair<std::int8_t> i8;
  ExtremumPair<std::uint16_t> u16;
  ExtremumPair<std::int16_t> i16;
  ExtremumPair<std::uint32_t> u32;
  ExtremumPair<std::int32_t> i32;
  ExtremumPair<std::int64_t> i64;
  KeyCodec<std::int32_t> f32;
  KeyCodec<std::int64_t> f64;

  template <class Key>
  const ExtremumPair<Key>& get() const {
    if constexpr (std::is_same_v<Key, std::uint8_t>) return u8;
    else if constexpr (std::is_same_v<Key, std::int8_t>) return i8;
    else if constexpr (std::is_same_v<Key, std::uint16_t>) return u16;
    else if constexpr (std::is_same_v<Key, std::int16_t>) return i16;
    else if constexpr (std::is_same_v<Key, std::uint32_t>) return u32;
    else if constexpr (std::is_same_v<Key, std::int32_t>) return i32;
    else return i64;
  }
};

CORMACK_TABLE(ExtremumRows, extremum_rows)

}  // namespace cormack
