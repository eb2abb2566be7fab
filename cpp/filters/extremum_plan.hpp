#pragma once
// What the ways to minima and maxima share: axes continued beyond the border, rows of keys.
#include <algorithm>
#include <cstdint>

#include "core/border.hpp"
#include "core/image.hpp"
#include "filters/extremum_filter_rows.hpp"

namespace cormack {

inline constexpr std::int64_t kExtremumPixelsPerRange = 262144;

template <class Key>
constexpr std::int64_t bytes(std::int64_t count) {
  return count * static_cast<std::int64_t>(sizeof(Key));
}
template <class Key>
constexpr std::int64_t items(std::int64_t byte_count) {
  return byte_count / static_cast<std::int64_t>(sizeof(Key));
}
// The distance of rows of n values: whole cache lines, an odd number of them, so that a column of rows spreads over the
// sets of a cache.
template <class Key>
constexpr std::int64_t pitch_of(std::int64_t n) {
  const std::int64_t lines = (bytes<Key>(n) + kRowSlack + 63) / 64;
  return items<Key>(64 * (lines | 1));
}

struct ExtremumAxis {
  std::int64_t length, left, right;
  Border border;

  std::int64_t size() const { return left + 1 + right; }
  std::int64_t index(std::int64_t i) const { return border_index(i, length, border); }
};

// Both with unit rows; floating point as the bits of integers.
template <class Key>
struct ExtremumPlan {
  View<const Key> src;
  View<Key> dst;
  const ExtremumKernels<Key>& kernels;
  KeyCodec<Key> codec;  // null for integers
  Key cval;
  Context context;

  void encode(Key* row, std::int64_t n) const {
    if (codec.encode != nullptr) codec.encode(row, n);
  }
  void decode(Key* row, std::int64_t n) const {
    if (codec.decode != nullptr) codec.decode(row, n);
  }
  // A row of keys that is continued beyond the border, from the start of its first window.
  void load_row(std::int64_t z, std::int64_t y, const ExtremumAxis& x, Key* row) const {
    std::copy_n(src.row(z, y), x.length, row + x.left);
    encode(row + x.left, x.length);
    extend_row(row + x.left, x.length, x.left, x.right, x.border, cval);
  }
};

}  // namespace cormack
