#pragma once
// What the plans of many regions share: regions from a request, cut into what blocks do.
#include <vector>

#include "features/region_boxes.cuh"
#include "features/texture_plan.hpp"

namespace cormack::device {

// Rows (values, mask, nodes, label, around, begin, extent, source) of 64 bits, a region each.
inline std::vector<RegionBox> region_boxes(const std::vector<long long>& rows) {
  std::vector<RegionBox> boxes;
  for (std::size_t i = 0; i + 16 <= rows.size(); i += 16) {
    RegionBox box{rows[i], rows[i + 1], rows[i + 2], rows[i + 3], {}, {}, {}, {}};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      box.around[axis] = static_cast<int>(rows[i + 4 + axis]);
      box.begin[axis] = static_cast<int>(rows[i + 7 + axis]);
      box.extent[axis] = static_cast<int>(rows[i + 10 + axis]);
      box.source[axis] = static_cast<int>(rows[i + 13 + axis]);
    }
    if (box.size_around() >= 1ll << 32) throw Unsupported("the box of a region has fewer than 2^32 voxels");
    boxes.push_back(box);
  }
  return boxes;
}

inline long long voxels_inside(const RegionBox& box) { return box.size(); }
inline long long voxels_around(const RegionBox& box) { return box.size_around(); }

}  // namespace cormack::device
