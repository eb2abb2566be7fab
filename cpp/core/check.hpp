#pragma once
// What memory safety needs of the images of one call: who calls from C++ has no Python in front that asks. Each throws
// std::invalid_argument with the name of the function.
#include "core/image.hpp"

namespace cormack {

void check_one_shape(const char* function, const Image& image, const Image& other);
// mask: bool or uint8 and of the image's shape, or null.
void check_mask(const char* function, const Image& image, const Image* mask);

}  // namespace cormack
