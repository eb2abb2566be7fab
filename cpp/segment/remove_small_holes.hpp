#pragma once
// Fills the connected components of the background of at most `max_size` pixels. Linear in the pixels.
#include "core/image.hpp"

namespace cormack::cpu {

// out: bool, the shape of mask. connectivity: how many coordinates may change in a step of the background, 1 to 3.
void remove_small_holes(const Image& mask, const Image& out, std::int64_t max_size, int connectivity, Context context);

}  // namespace cormack::cpu
