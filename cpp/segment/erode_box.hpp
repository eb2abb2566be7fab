#pragma once
// Erosion of a binary image by a box: what is beyond the image takes nothing away. Each axis costs about log2(2 r + 1)
// operations on words of 64 pixels.
#include "segment/bit_image.hpp"

namespace cormack {

// radius: pixels on each side, (z, y, x), at least 0. In place.
void erode_box(BitImage& bits, const std::array<std::int64_t, 3>& radius, int workers);

}  // namespace cormack
