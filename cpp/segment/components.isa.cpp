// A word of zeros lies beyond each end of a row of bits, and no bit is set beyond its last pixel.
#include <bit>

#include "core/vec.hpp"
#include "segment/components_rows.hpp"

namespace cormack::CORMACK_ISA {

using Word = std::uint64_t;

static std::int64_t count(const Word* row, std::int64_t words) {
  std::int64_t runs = 0;
  Word before = 0;
  for (std::int64_t w = 0; w < words; ++w) {
    runs += std::popcount(row[w] & ~(row[w] << 1 | before));
    before = row[w] >> 63;
  }
  return runs;
}

// Rem's algorithm: both paths are climbed together and shortened on the way (Patwary, Blair, Manne, SEA 2010).
static void unite(std::int32_t* parent, std::int32_t a, std::int32_t b) {
  while (parent[a] != parent[b]) {
    if (parent[a] < parent[b]) {
      const std::int32_t above = parent[b];
      parent[b] = parent[a];
      if (b == above) return;
      b = above;
    } else {
      const std::int32_t above = parent[a];
      parent[a] = parent[b];
      if (a == above) return;
      a = above;
    }
  }
}

enum class Known { none, both, either };

template <Known known>
static void link(const Word* a, std::int32_t a_first, const Word* b, std::int32_t b_first, std::int64_t words,
                 bool diagonal, std::int32_t* parent, const Word* known1, const Word* known2) {
  const auto still_open = [&](std::int64_t w) {
    if constexpr (known == Known::none) return a[w];
    else return a[w] & ~(known == Known::both ? known1[w] & known2[w] : known1[w] | known2[w]);
  };
  const Word beside = diagonal ? ~Word{0} : 0;
  Word a_before = 0, b_before = 0, open_before = 0;
  // Run that the last bit before the word belongs to, or the last run before it.
  std::int32_t a_run = a_first - 1, b_run = b_first - 1;
  for (std::int64_t w = 0; w < words; ++w) {
    // Most words of large objects and of the space around them hold no end of a run.
    if (a[w] == b[w] && (a[w] == 0 || (a[w] == ~Word{0} && (a_before & b_before) != 0))) {
      a_before = b_before = a[w] & 1;
      open_before = still_open(w) >> 63;
      continue;
    }
    const Word open = still_open(w);
    const Word a_starts = a[w] & ~(a[w] << 1 | a_before), b_shifted = b[w] << 1 | b_before;
    const Word b_starts = b[w] & ~b_shifted, open_shifted = open << 1 | open_before;
    // Two runs touch where their common part starts, or where one starts just after the other's end.
    Word touch = open & b[w] & ~(open_shifted & b_shifted);
    touch |= beside & ((open_shifted & ~a[w] & b_starts) | (b_shifted & ~b[w] & a_starts & open));
    for (; touch != 0; touch &= touch - 1) {
      const Word up_to = touch ^ (touch - 1);
      unite(parent, a_run + std::popcount(a_starts & up_to), b_run + std::popcount(b_starts & up_to));
    }
    a_run += std::popcount(a_starts);
    b_run += std::popcount(b_starts);
    a_before = a[w] >> 63;
    b_before = b[w] >> 63;
    open_before = open >> 63;
  }
}

static void write(const Word* row, const std::int32_t* labels, std::int32_t* out, std::int64_t n) {
  using Labels = Vec<std::int32_t>;
  constexpr std::int64_t step = Labels::size;
  const auto fill = [&](std::int64_t begin, std::int64_t end, std::int32_t value) {
    std::int32_t repeated[step];
    for (std::int64_t k = 0; k < step; ++k) repeated[k] = value;
    const Labels vector = Labels::load(repeated);
    // Whole vectors write beyond the end what the next piece corrects; the last pieces of a row have none.
    std::int64_t x = begin;
    if (x < end && x + step <= n) {
      vector.store(out + x);
      // Aligned from here on: half of the vectors would cross cache lines, and all of those of 64 bytes.
      x += step - static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out + x) / sizeof(std::int32_t)) % step;
    }
    for (; x < end && x + step <= n; x += step) vector.store(out + x);
    for (; x < end; ++x) out[x] = value;
  };
  std::int64_t begin = 0;
  std::int32_t value = 0;
  Word before = 0;
  for (std::int64_t w = 0; w * 64 < n; ++w) {
    for (Word edges = row[w] ^ (row[w] << 1 | before); edges != 0; edges &= edges - 1) {
      const std::int64_t x = w * 64 + std::countr_zero(edges);
      fill(begin, x, value);
      begin = x;
      value = value == 0 ? *labels++ : 0;
    }
    before = row[w] >> 63;
  }
  fill(begin, n, value);
}

static void write_runs(const Word* row, const std::int32_t* labels, std::int32_t* out, std::int64_t n) {
  using Labels = Vec<std::int32_t>;
  constexpr std::int64_t step = Labels::size;
  const auto fill = [&](std::int64_t begin, std::int64_t end, std::int32_t value) {
    if (end - begin < step) {
      for (std::int64_t x = begin; x < end; ++x) out[x] = value;
      return;
    }
    std::int32_t repeated[step];
    for (std::int64_t k = 0; k < step; ++k) repeated[k] = value;
    const Labels vector = Labels::load(repeated);
    vector.store(out + begin);
    std::int64_t x = begin + step;
    x -= static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out + x) / sizeof(std::int32_t)) % step;
    for (; x + step <= end; x += step) vector.store(out + x);
    vector.store(out + end - step);
  };
  std::int64_t begin = -1;
  Word before = 0;
  for (std::int64_t w = 0; w * 64 < n; ++w) {
    for (Word edges = row[w] ^ (row[w] << 1 | before); edges != 0; edges &= edges - 1) {
      const std::int64_t x = w * 64 + std::countr_zero(edges);
      if (begin >= 0) fill(begin, x, *labels++);
      begin = begin < 0 ? x : -1;
    }
    before = row[w] >> 63;
  }
  if (begin >= 0) fill(begin, n, *labels);
}

extern const ComponentsRows components_rows;
const ComponentsRows components_rows{count, link<Known::none>, link<Known::both>, link<Known::either>,
                                     write, write_runs};

}  // namespace cormack::CORMACK_ISA
