#pragma once
// Pixels above a low threshold that are connected, through such pixels, to one above a high threshold.
#include "core/image.hpp"

namespace cormack::cpu {

// The pixels of `weak` that are at least `low` and reached from pixels of `strong` that are at least `high`; weak and
// strong may be one image. out: bool, of their shape. connectivity: how many coordinates may change in a step, 1 to 3.
// A pixel counts as strong only where it is weak too. NaN is neither. Linear in the pixels.
void hysteresis_threshold(const Image& weak, double low, const Image& strong, double high, const Image& out,
                          int connectivity, Context context);

}  // namespace cormack::cpu
