#pragma once
// Where an image changes its sign: pixels of which a face neighbour has the other sign, or 0 where they have not, and
// that are the closer to 0 of the two; of two that are equally close, the one whose neighbour lies on the side of
// larger coordinates. ITK's ZeroCrossingImageFilter; besides, the two must differ by at least `threshold`. Contract:
// any strides; dst bool, of src's shape, not overlapping. NaN is no crossing. Bytes: one read of the image and one
// write of a byte per pixel.
#include "core/image.hpp"

namespace cormack::cpu {

void zero_crossings(const Image& src, const Image& dst, double threshold, Context context);

}  // namespace cormack::cpu
