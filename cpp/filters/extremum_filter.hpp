#pragma once
// The smallest or largest value of a window around every pixel. Boxes axis by axis, in a time that does not depend on
// the size along z and y and goes with its logarithm along x; other footprints as runs along x, one operation per run.
// NaN counts as larger than every number and -0 as smaller than 0, as for rank_filter. Same shape and dtype for src and
// dst; they must not overlap. Rows of src or dst that are not contiguous cost one copy of that image; otherwise a
// thread needs about 1 MB, for tall windows at most a slice, for a footprint some rows per row of it. M. van Herk,
// Pattern Recognition Letters 13(7), 1992.
#include "core/border.hpp"
#include "core/image.hpp"

namespace cormack {

// Extents, origin, borders and footprint in axis order (z, y, x). As in SciPy, the window of pixel i starts at
// i - size / 2 - origin, and has to contain i. Beyond the border of any axis with Border::constant lies cval.
struct ExtremumWindow {
  std::array<std::int64_t, 3> size{1, 1, 1};
  std::array<std::int64_t, 3> origin{};
  const std::uint8_t* footprint = nullptr;  // a value for each place of the box, non-zero takes part; null: all do
  std::array<Border, 3> border{Border::reflect, Border::reflect, Border::reflect};
  double cval = 0;

  std::int64_t first(int axis) const { return -(size[axis] / 2) - origin[axis]; }
};

enum class Extremum { minimum, maximum };

namespace cpu {
void extremum_filter(const Image& src, const Image& dst, const ExtremumWindow& window, Extremum extremum,
                     Context context);
}  // namespace cpu
}  // namespace cormack
