#pragma once
// Numbers the connected components of the pixels that are not zero, as scipy.ndimage.label: from 1 in the order of
// their first pixels in raster order. Linear in the pixels; memory: an eighth of a byte a pixel and 4 bytes a run along
// x.
#include "core/image.hpp"

namespace cormack::cpu {

// labels: int32, the shape of mask; where `zeroed` it holds zeros already. Returns the number of components; throws
// std::overflow_error where int32 might not do. connectivity: how many coordinates may change in a step, 1 to 3.
std::int32_t label(const Image& mask, const Image& labels, int connectivity, bool zeroed, Context context);

}  // namespace cormack::cpu
