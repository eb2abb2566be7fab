// Selection by bisection: per lane, the interval [low, high] of values that may have the rank is halved until it holds
// one value. Where it is wide, its ends are snapped to values of the window, so that the passes go with the number of
// different values rather than with the width of the key; where it is narrow, passes that count alone are cheaper.
#include "core/hd.hpp"
#include "core/vec.hpp"
#include "filters/rank_filter_rows.hpp"

namespace cormack::CORMACK_ISA {

// A pass that counts takes a third of the time of one that snaps, of which there are some ten.
constexpr int kNarrowBits = 16;

// kGroup vectors at x.
template <int kGroup, class Key>
static inline void select_group(const Key* const* taps, std::int64_t n, std::int64_t rank, Key* out, std::int64_t x) {
  using V = Vec<Key>;
  // Values above the middle are counted downwards: the mask of a comparison is -1.
  const V enough = V::fill(static_cast<Key>(rank - n)), one = V::fill(1);
  V low[kGroup], high[kGroup], middle[kGroup], count[kGroup];
  const auto load = [&](std::int64_t i, int g) { return V::load(taps[i] + x + g * V::size); };
  const auto undecided = [&] {
    V mask = greater(high[0], low[0]);
    CORMACK_UNROLL
    for (int g = 1; g < kGroup; ++g) mask = mask + greater(high[g], low[g]);
    return any(mask);
  };
  const auto halve = [&] {
    CORMACK_UNROLL
    for (int g = 0; g < kGroup; ++g) {
      middle[g] = midpoint(low[g], high[g]);
      count[g] = V::fill(0);
    }
  };

  CORMACK_UNROLL
  for (int g = 0; g < kGroup; ++g) low[g] = high[g] = load(0, g);
  for (std::int64_t i = 1; i < n; ++i) {
    CORMACK_UNROLL
    for (int g = 0; g < kGroup; ++g) {
      const V value = load(i, g);
      low[g] = min(low[g], value);
      high[g] = max(high[g], value);
    }
  }
  bool narrow = true;
  CORMACK_UNROLL
  for (int g = 0; g < kGroup; ++g) {
    if (rank == 0) high[g] = low[g];
    if (rank == n - 1) low[g] = high[g];
    if constexpr (sizeof(Key) > 2)
      narrow &= !any(greater(midpoint(low[g], high[g]) - low[g], V::fill(Key{1} << kNarrowBits)));
  }
  while (narrow && undecided()) {
    halve();
    for (std::int64_t i = 0; i < n; ++i) {
      CORMACK_UNROLL
      for (int g = 0; g < kGroup; ++g) count[g] = count[g] + greater(load(i, g), middle[g]);
    }
    CORMACK_UNROLL
    for (int g = 0; g < kGroup; ++g) {
      const V lower_part = greater(count[g], enough);
      high[g] = select(lower_part, middle[g], high[g]);
      // One is added where the upper part is taken only: elsewhere the middle may be the largest number that there is.
      low[g] = select(lower_part, low[g], middle[g] + (one + lower_part));
    }
  }
  while (undecided()) {
    halve();
    V below[kGroup], above[kGroup];
    CORMACK_UNROLL
    for (int g = 0; g < kGroup; ++g) {
      below[g] = low[g];
      above[g] = high[g];
    }
    for (std::int64_t i = 0; i < n; ++i) {
      CORMACK_UNROLL
      for (int g = 0; g < kGroup; ++g) {
        const V value = load(i, g), larger = greater(value, middle[g]);
        count[g] = count[g] + larger;
        below[g] = max(below[g], select(larger, low[g], value));
        above[g] = min(above[g], select(larger, value, high[g]));
      }
    }
    CORMACK_UNROLL
    for (int g = 0; g < kGroup; ++g) {
      const V lower_part = greater(count[g], enough);
      high[g] = select(lower_part, below[g], high[g]);
      low[g] = select(lower_part, low[g], above[g]);
    }
  }
  CORMACK_UNROLL
  for (int g = 0; g < kGroup; ++g) low[g].store(out + x + g * V::size);
}

template <class Key>
static void select_rank(const Key* const* taps, std::int64_t n, std::int64_t rank, Key* out, std::int64_t width) {
  constexpr std::int64_t kLanes = Vec<Key>::size;
  std::int64_t x = 0;
  // Two vectors share the loads of pointers.
  for (; x + kLanes < width; x += 2 * kLanes) select_group<2>(taps, n, rank, out, x);
  if (x < width) select_group<1>(taps, n, rank, out, x);
}

extern const RankRows rank_rows;
const RankRows rank_rows{select_rank<std::int8_t>, select_rank<std::int16_t>, select_rank<std::int32_t>,
                         select_rank<std::int64_t>};

}  // namespace cormack::CORMACK_ISA
