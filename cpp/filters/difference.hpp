#pragma once
// a - b, value by value. Integers saturate. All of one shape and dtype and of any strides; dst may be a or b.
#include "core/image.hpp"

namespace cormack::cpu {

void difference(const Image& a, const Image& b, const Image& dst, Context context);

}  // namespace cormack::cpu
