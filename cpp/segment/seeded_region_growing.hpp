#pragma once
// Seeded region growing of R. Adams and L. Bischof (IEEE TPAMI 16(6), 1994): several regions grow at once, always by
// the pixel whose value is closest to the mean of a region that it touches. A pixel waits from the time it first
// touches a region, with the distance to that region's mean at that time (at the start: to the closest of those it
// touches); of equal distances the one that waits longest comes first, those that wait from the start in raster order.
// When its turn comes it joins the region among those it touches whose mean is then closest, of equal ones that of the
// smallest label. Single-threaded; O(n log n) at worst, near to O(n) as waiting pixels fall into buckets. Memory: 4
// bytes and a value a pixel, and 24 bytes for each that waits.
#include "core/image.hpp"

namespace cormack {

struct SeededRegionGrowing {
  int connectivity = 1;         // how many coordinates may change in a step, 1 to 3
  const Image* mask = nullptr;  // where regions may be; null: everywhere
};

namespace cpu {
// markers, out: int32, the shape of image; labels above 0 mark. Pixels that are NaN or infinite belong to no region.
void seeded_region_growing(const Image& image, const Image& markers, const Image& out, const SeededRegionGrowing& how,
                           Context context);
}  // namespace cpu
}  // namespace cormack
