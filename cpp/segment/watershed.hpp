#pragma once
// Watershed from markers, in the order of scikit-image: pixels leave a queue by their level, which is their value but
// at least that of the pixel they were reached from, and by the time at which they entered it; markers enter first, in
// the order of the array. L. Vincent, P. Soille, IEEE TPAMI 13(6), 1991; compact watershed: P. Neubert, P. Protzel,
// ICPR 2014.
#include "core/image.hpp"

namespace cormack::cpu {

struct WatershedOptions {
  int connectivity = 1;         // how many coordinates may change by one in a step
  const Image* mask = nullptr;  // where to label, bool or uint8
  bool line = false;            // leave pixels between basins 0
  double compactness = 0;       // above 0: added per pixel of distance from the marker, without lines
};

// labels: int32, markers on entry, basins on return. One queue for each level: of 8 and 16 bit integers the values, of
// others the ranks of the values, for which the pixels are sorted by radix. Linear in the pixels; with compactness one
// heap. NaN comes last. Memory: 14 bytes a pixel, and 32 while ranks are found.
void watershed(const Image& image, const Image& labels, const WatershedOptions& options, Context context);

// Pixels and plateaus all of whose neighbours are higher; none where all values are equal. minima: bool.
void local_minima(const Image& image, const Image& minima, int connectivity, Context context);

}  // namespace cormack::cpu
