#pragma once
// The median of a window around every pixel: rank count / 2. Boxes of 3x3, 5x5, 7x7, 3x3x3 and 5x5x5 run through
// compare-exchange networks whose cost does not depend on the data (17 and 498 operations per vector for 3x3 and
// 5x5x5), other boxes of up to 32768 places through the planned merges of rank_tree, footprints and what is larger
// through rank_filter. NaN counts as larger than every number. Same shape and dtype for src and dst; they must not
// overlap. Rows of src or dst that are not contiguous cost one copy of that image.
#include "filters/rank_filter.hpp"

namespace cormack::cpu {
void median_filter(const Image& src, const Image& dst, const RankWindow& window, Context context);
}
