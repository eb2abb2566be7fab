#include "features/packed_mask.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/parallel.hpp"

namespace cormack {
namespace {

// The lowest bits of eight bytes that are 0 or 1, first byte first (on a little-endian processor).
std::uint64_t pack8(std::uint64_t bytes) { return (bytes * 0x0102040810204080u) >> 56; }

// 1 in every byte that is not 0.
std::uint64_t not_zero(std::uint64_t bytes) {
  constexpr std::uint64_t low = 0x7f7f7f7f7f7f7f7fu;
  return ((((bytes & low) + low) | bytes) & ~low) >> 7;
}

void pack_row(const std::uint8_t* values, std::int64_t step, std::int64_t n, std::uint64_t* bits) {
  std::int64_t x = 0;
  if (step == 1) {
    for (; x + 64 <= n; x += 64) {
      std::uint64_t group[8], any = 0;
      std::memcpy(group, values + x, sizeof(group));
      for (const std::uint64_t bytes : group) any |= bytes;
      if (any == 0) {
        bits[x / 64] = 0;
        continue;
      }
      std::uint64_t word = 0;
      for (int k = 0; k < 8; ++k) word |= pack8(not_zero(group[k])) << (8 * k);
      bits[x / 64] = word;
    }
  }
  for (; x < n; x += 64) {
    std::uint64_t word = 0;
    for (std::int64_t k = 0; k < std::min<std::int64_t>(64, n - x); ++k)
      word |= static_cast<std::uint64_t>(values[(x + k) * step] != 0) << k;
    bits[x / 64] = word;
  }
}

struct Run {
  std::int64_t count = 0, first = 0, second = 0;  // sums of 1, x, x^2
};

void add_word(std::uint64_t word, std::int64_t x, Run& sums) {
  while (word != 0) {
    const int start = std::countr_zero(word), length = std::countr_one(word >> start);
    const std::int64_t n = length, a = x + start;
    sums.count += n;
    sums.first += n * a + n * (n - 1) / 2;
    sums.second += n * a * a + a * n * (n - 1) + (n - 1) * n * (2 * n - 1) / 6;
    word = start + length >= 64 ? 0 : word & (~std::uint64_t{0} << (start + length));
  }
}

// What a slice adds, with its own z as 0.
struct Slice {
  IndexSums sums;
  std::int64_t y0 = 0, y1 = -1, x0 = 0, x1 = -1;
};

Slice slice_of(const PackedMask& mask, std::int64_t z) {
  Slice slice;
  for (std::int64_t y = 0; y < mask.shape[1]; ++y) {
    const std::uint64_t* row = mask.row(z, y);
    Run run;
    std::int64_t first = -1, last = -1;
    for (std::int64_t w = 0; w < mask.words; ++w) {
      if (row[w] == 0) continue;
      if (first < 0) first = w * 64 + std::countr_zero(row[w]);
      last = w * 64 + 63 - std::countl_zero(row[w]);
      add_word(row[w], w * 64, run);
    }
    if (first < 0) continue;
    const bool opens = slice.sums.count == 0;
    if (opens) slice.y0 = y;
    slice.y1 = y;
    slice.x0 = opens ? first : std::min(slice.x0, first);
    slice.x1 = opens ? last : std::max(slice.x1, last);
    slice.sums.add({run.count, {0, y * run.count, run.first}, {0, y * y * run.count, run.second, 0, 0, y * run.first}});
  }
  return slice;
}

}  // namespace

IndexSums moved(const IndexSums& s, const std::array<std::int64_t, 3>& low) {
  IndexSums result = s;
  constexpr std::size_t axes[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
  for (std::size_t i = 0; i < 6; ++i) {
    const auto [a, b] = axes[i];
    result.second[i] += s.count * low[a] * low[b] - low[a] * s.first[b] - low[b] * s.first[a];
  }
  for (std::size_t i = 0; i < 3; ++i) result.first[i] -= s.count * low[i];
  return result;
}

PackedMask::PackedMask(const Image& mask, Context context)
    : shape(mask.shape), words((mask.shape[2] + 63) / 64), bits(static_cast<std::size_t>(shape[0] * shape[1] * words)) {
  const View<const std::uint8_t> view = mask.view<const std::uint8_t>();
  std::vector<Slice> slices(static_cast<std::size_t>(shape[0]));
  parallel_for(shape[0], 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t z = begin; z < end; ++z) {
      for (std::int64_t y = 0; y < shape[1]; ++y)
        pack_row(view.row(z, y), view.stride[2], shape[2], bits.data() + (z * shape[1] + y) * words);
      slices[static_cast<std::size_t>(z)] = slice_of(*this, z);
    }
  });
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    const Slice& slice = slices[static_cast<std::size_t>(z)];
    const IndexSums& in = slice.sums;
    if (in.count == 0) continue;
    const bool opens = sums.count == 0;
    low = opens ? std::array{z, slice.y0, slice.x0}
                : std::array{low[0], std::min(low[1], slice.y0), std::min(low[2], slice.x0)};
    high = opens ? std::array{z, slice.y1, slice.x1}
                 : std::array{z, std::max(high[1], slice.y1), std::max(high[2], slice.x1)};
    sums.add({in.count,
              {z * in.count, in.first[1], in.first[2]},
              {z * z * in.count, in.second[1], in.second[2], z * in.first[1], z * in.first[2], in.second[5]}});
  }
  sums = moved(sums, low);
}

}  // namespace cormack
