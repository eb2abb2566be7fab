#pragma once
// Counting with private tables per thread, and the two loops that count fastest: of bytes and of 16 bit words.
#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>

#include "core/blocks.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"

namespace cormack {

// Counters are 32 bit: half the memory to pass through the caches. This many values fit in any of them.
inline constexpr std::int64_t kFlush = std::int64_t{1} << 31;
// Tables above this size are one per thread; smaller ones are several, so that equal neighbours do not wait for each
// other's count to be stored.
inline constexpr std::int64_t kManyTables = 16384;

// Counts in parallel. add(i, table) counts item i into table[0 .. bins * tables - 1] and returns how many things that
// were; make() is called once per thread's range and gives `add`. The tables' columns are summed into
// counts[0 .. size - 1].
template <class Make>
void tally(std::int64_t items, std::int64_t grain, std::int64_t bins, int tables, std::int64_t* counts,
           std::int64_t size, Context context, const Make& make) {
  const int threads = context.workers > 0 ? context.workers : get_num_threads();
  // Every range clears and sums its tables: few ranges where they are large.
  const std::int64_t ranges = threads * (bins * tables > kManyTables ? 1 : 8);
  grain = std::max(grain, (items + ranges - 1) / ranges);
  std::mutex mutex;
  parallel_for(items, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<std::uint32_t> table(bins * tables);
    const auto clear = [&] {
      std::memset(table.data(), 0, static_cast<std::size_t>(bins * tables) * sizeof(std::uint32_t));
    };
    const auto flush = [&] {
      const std::lock_guard lock(mutex);
      // Most of a large table is zeros, and tables are read faster than counts are written.
      constexpr std::int64_t piece = 64;
      for (int k = 0; k < tables; ++k) {
        const std::uint32_t* own = table.data() + k * bins;
        for (std::int64_t begin_piece = 0; begin_piece < size; begin_piece += piece) {
          const std::int64_t end_piece = std::min(size, begin_piece + piece);
          std::uint32_t any = 0;
          for (std::int64_t i = begin_piece; i < end_piece; ++i) any |= own[i];
          if (any == 0) continue;
          for (std::int64_t i = begin_piece; i < end_piece; ++i) counts[i] += own[i];
        }
      }
    };
    clear();
    auto add = make();
    std::int64_t counted = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      counted += add(i, table.data());
      if (counted > kFlush) {
        flush();
        clear();
        counted = 0;
      }
    }
    flush();
  });
}

// Counts the values of an image, or of its part inside a mask: add(values, n, table).
template <class T, class Add>
void tally_image(View<const T> image, std::optional<View<const std::uint8_t>> mask, std::int64_t bins, int tables,
                 std::int64_t* counts, std::int64_t size, Context context, const Add& add) {
  if (mask) flatten_where_contiguous(image, *mask);
  else flatten_where_contiguous(image);
  const Blocks blocks(image.shape);
  tally(blocks.count(), blocks.grain(), bins, tables, counts, size, context, [&] {
    return [&, reader = BlockReader<T>(image, mask ? &*mask : nullptr)](std::int64_t i, std::uint32_t* table) mutable {
      const auto values = reader.read(blocks[i]);
      add(values.data, values.n, table);
      return values.n;
    };
  });
}

// Every byte value: eight tables of 256. `flip`: 0x80 puts those of int8 in their order.
template <std::uint64_t flip = 0>
void count_bytes(const std::uint8_t* values, std::int64_t n, std::uint32_t* table) {
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, values + i, 8);
    eight ^= flip * 0x0101010101010101u;
    for (unsigned k = 0; k < 8; ++k) table[(k << 8) + ((eight >> (8 * k)) & 255)]++;
  }
  for (; i < n; ++i) table[values[i] ^ flip]++;
}

// Every 16 bit value: two tables of 65 536. Air and padding are long runs of one value: eight equal ones count at once.
// `flip` is applied to each value: 0x8000 puts those of int16 in their order.
template <std::uint64_t flip = 0>
void count_words(const std::uint16_t* values, std::int64_t n, std::uint32_t* even) {
  constexpr std::uint64_t flips = flip * 0x0001000100010001u;
  std::uint32_t* odd = even + 65536;
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    std::uint64_t a, b;
    std::memcpy(&a, values + i, 8);
    std::memcpy(&b, values + i + 4, 8);
    a ^= flips;
    b ^= flips;
    if (a == b && a == (a << 16 | a >> 48)) {
      even[a & 65535] += 8;
      continue;
    }
    even[a & 65535]++;
    odd[a >> 16 & 65535]++;
    even[a >> 32 & 65535]++;
    odd[a >> 48]++;
    even[b & 65535]++;
    odd[b >> 16 & 65535]++;
    even[b >> 32 & 65535]++;
    odd[b >> 48]++;
  }
  for (; i < n; ++i) even[values[i] ^ flip]++;
}

}  // namespace cormack
