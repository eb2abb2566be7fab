#pragma once
// The value of a given rank in a window around every pixel, for any window and rank. NaN counts as larger than every
// number, -0 as less than 0. Same shape and dtype for src and dst; they must not overlap.
#include "core/border.hpp"
#include "core/image.hpp"

namespace cormack {

// Extents, origin and footprint in axis order (z, y, x). As in SciPy, the window of pixel i starts at
// i - size / 2 - origin, and has to contain i.
struct RankWindow {
  std::array<std::int64_t, 3> size{1, 1, 1};
  std::array<std::int64_t, 3> origin{};
  const std::uint8_t* footprint = nullptr;  // a value for each place of the box, non-zero takes part; null: all do
  Border border = Border::reflect;
  double cval = 0;

  std::int64_t first(int axis) const { return -(size[axis] / 2) - origin[axis]; }
  std::int64_t count() const;  // places that take part
};

namespace cpu {
// rank 0 is the smallest. Boxes of up to 32768 places go through the planned merges of rank_tree, footprints and what
// is larger through rank_selection.
void rank_filter(const Image& src, const Image& dst, const RankWindow& window, std::int64_t rank, Context context);

// n passes over the window's n values for every bit of the key that is still undecided (at most 16, 32 or 64, about
// log2(n) + 4 on images), in vector lanes along x. `at`: where in src's frame the first pixel of dst lies, for a dst
// that is whole rows of the result.
void rank_selection(const Image& src, const Image& dst, const RankWindow& window, std::int64_t rank, Context context,
                    std::array<std::int64_t, 3> at = {});
}  // namespace cpu
}  // namespace cormack
