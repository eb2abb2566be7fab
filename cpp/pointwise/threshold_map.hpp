#pragma once
// Grey-level slicing: what lies in [lower, upper], what lies below and what lies above each stay or become a number,
// with a smooth change of `softness` width around each threshold. Any dtype to any dtype in float64, one pass. NaN
// stays NaN in a floating dst and becomes 0 in an integer one.
#include "core/image.hpp"

namespace cormack {

struct ThresholdMap {
  double lower, upper;          // -infinity, +infinity where there is none; at least `softness` apart
  double inside, below, above;  // NaN keeps what is there
  double softness;              // >= 0
};

namespace cpu {
void threshold_map(const Image& src, const Image& dst, const ThresholdMap& map, Context context);
}
}  // namespace cormack
