#pragma once
// Fills what the border cannot be reached from: background whose connected component touches no border, as
// scipy.ndimage.binary_fill_holes. Linear in the pixels; memory: half a byte a pixel.
#include "core/image.hpp"

namespace cormack::cpu {

// out: bool, the shape of mask. connectivity is that of the background: how many coordinates may change in a step, 1 to
// 3.
void fill_holes(const Image& mask, const Image& out, int connectivity, Context context);

}  // namespace cormack::cpu
