#pragma once
// Removes the connected components that touch the border, as skimage.segmentation.clear_border of a binary image.
// Linear in the pixels; memory: half a byte a pixel.
#include "core/image.hpp"

namespace cormack::cpu {

// out: bool, the shape of mask. connectivity: how many coordinates may change in a step, 1 to 3.
void clear_border(const Image& mask, const Image& out, int connectivity, Context context);

}  // namespace cormack::cpu
