#pragma once
// Keeps the connected component with most pixels, the first in raster order among equals. Linear in the pixels.
#include "core/image.hpp"

namespace cormack::cpu {

// out: bool, the shape of mask. connectivity: how many coordinates may change in a step, 1 to 3.
void largest_component(const Image& mask, const Image& out, int connectivity, Context context);

}  // namespace cormack::cpu
