#pragma once
// Pixel values as the numbers 0, 1, 2 ... of the different values in their order.
#include "core/image.hpp"
#include "segment/padded_neighbours.hpp"

namespace cormack {

// Writes the rank of every pixel to its place in the layout and returns how many there are. -0 equals 0; NaN comes
// last, as one value. For images of 32 and 64 bit values.
std::int64_t level_ranks(const Image& image, const PaddedLayout& layout, std::uint32_t* ranks);

}  // namespace cormack
