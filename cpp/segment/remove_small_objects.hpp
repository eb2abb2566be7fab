#pragma once
// Keeps the connected components of at least `min_size` pixels. Linear in the pixels.
#include "core/image.hpp"

namespace cormack::cpu {

// out: bool, the shape of mask. connectivity: how many coordinates may change in a step, 1 to 3.
void remove_small_objects(const Image& mask, const Image& out, std::int64_t min_size, int connectivity,
                          Context context);

}  // namespace cormack::cpu
