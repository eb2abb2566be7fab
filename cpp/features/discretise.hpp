#pragma once
// Grey levels of a region: level = floor((value - lower) * factor / width) + 1, kept within [1, level_count]; 0 outside
// the mask. Contract: levels is int32 of the image's shape; within the mask values are finite and in [low, high]. One
// pass, any strides. 8 and 16 bit images go through a table.
#include "core/image.hpp"

namespace cormack {

struct Discretisation {
  double low, high;             // of the values in the mask
  double lower, factor, width;  // of the formula
  std::int32_t level_count;
};

namespace cpu {
void discretise(const Image& image, const Image* mask, const Image& levels, const Discretisation& rule,
                Context context);
}
}  // namespace cormack
