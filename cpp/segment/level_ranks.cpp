#include "segment/level_ranks.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "core/scratch.hpp"

namespace cormack {
namespace {

template <class Key>
struct Entry {
  Key key;
  std::int32_t pixel;
};

// An unsigned integer in the order of the values.
template <class T>
auto key_of(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    using Key = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr Key sign = Key{1} << (8 * sizeof(Key) - 1);
    if (std::isnan(value)) return std::numeric_limits<Key>::max();
    const auto bits = std::bit_cast<Key>(value + T{0});
    return (bits & sign) != 0 ? static_cast<Key>(~bits) : static_cast<Key>(bits | sign);
  } else {
    return static_cast<std::uint32_t>(value) ^ (std::is_signed_v<T> ? 0x80000000u : 0u);
  }
}

// Least significant digit first; digits that all keys share are passed over.
template <class Key>
Entry<Key>* sort(Entry<Key>* entries, Entry<Key>* other, std::int64_t n) {
  constexpr int kBits = 11, kDigits = (8 * sizeof(Key) + kBits - 1) / kBits;
  constexpr Key kMask = (Key{1} << kBits) - 1;
  std::vector<std::int64_t> counts(std::size_t{kDigits} << kBits, 0);
  for (std::int64_t i = 0; i < n; ++i) {
    for (int d = 0; d < kDigits; ++d)
      ++counts[(static_cast<std::size_t>(d) << kBits) +
               static_cast<std::size_t>(entries[i].key >> (kBits * d) & kMask)];
  }
  for (int d = 0; d < kDigits; ++d) {
    std::int64_t* places = counts.data() + (static_cast<std::size_t>(d) << kBits);
    if (places[entries[0].key >> (kBits * d) & kMask] == n) continue;
    std::int64_t sum = 0;
    for (std::size_t k = 0; k <= kMask; ++k) sum += std::exchange(places[k], sum);
    for (std::int64_t i = 0; i < n; ++i) other[places[entries[i].key >> (kBits * d) & kMask]++] = entries[i];
    std::swap(entries, other);
  }
  return entries;
}

}  // namespace

std::int64_t level_ranks(const Image& image, const PaddedLayout& layout, std::uint32_t* ranks) {
  return dispatch(image.dtype, [&](auto value) -> std::int64_t {
    using T = decltype(value);
    using Key = decltype(key_of(T{}));
    const auto pixels = image.view<const T>();
    const std::int64_t n = image.size();
    const Scratch<Entry<Key>> first(n), second(n);
    std::int64_t i = 0;
    for (std::int64_t z = 0; z < layout.shape[0]; ++z) {
      for (std::int64_t y = 0; y < layout.shape[1]; ++y) {
        const std::int64_t at = layout.index(z, y);
        for (std::int64_t x = 0; x < layout.shape[2]; ++x)
          first[i++] = {key_of(pixels.at(z, y, x)), static_cast<std::int32_t>(at + x)};
      }
    }
    const Entry<Key>* sorted = sort(first.data(), second.data(), n);
    std::uint32_t rank = 0;
    for (i = 0; i < n; ++i) {
      rank += i > 0 && sorted[i].key != sorted[i - 1].key;
      ranks[sorted[i].pixel] = rank;
    }
    return std::int64_t{rank} + 1;
  });
}

}  // namespace cormack
