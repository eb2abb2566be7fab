// Selection by bisection: per lane, the interval [low, high] of values that may have the rank is halved until it holds
// one value. Its ends are snapped to values of the window, so that the passes go with the number of different values
// rather than with the width of the key.
#include "core/vec.hpp"
#include "filters/rank_filter_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class Key>
static void select_rank(const Key* const* taps, std::int64_t n, std::int64_t rank, Key* out, std::int64_t width) {
  using V = Vec<Key>;
  // Values above the middle are counted downwards: the mask of a comparison is -1.
  const V enough = V::fill(static_cast<Key>(rank - n));
  for (std::int64_t x = 0; x < width; x += V::size) {
    V low = V::load(taps[0] + x), high = low;
    for (std::int64_t i = 1; i < n; ++i) {
      const V value = V::load(taps[i] + x);
      low = min(low, value);
      high = max(high, value);
    }
    if (rank == 0) high = low;
    if (rank == n - 1) low = high;
    while (any(greater(high, low))) {
      const V middle = midpoint(low, high);
      V count = V::fill(0), below = low, above = high;
      for (std::int64_t i = 0; i < n; ++i) {
        const V value = V::load(taps[i] + x);
        const V larger = greater(value, middle);
        count = count + larger;
        below = max(below, select(larger, low, value));
        above = min(above, select(larger, value, high));
      }
      const V lower_part = greater(count, enough);
      high = select(lower_part, below, high);
      low = select(lower_part, low, above);
    }
    low.store(out + x);
  }
}

extern const RankRows rank_rows;
const RankRows rank_rows{select_rank<std::int16_t>, select_rank<std::int32_t>, select_rank<std::int64_t>};

}  // namespace cormack::CORMACK_ISA
