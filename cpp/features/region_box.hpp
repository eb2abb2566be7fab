#pragma once
// The bounding box of the voxels of one label, or of those that are not zero. One pass, any strides, no copy.
#include <array>
#include <optional>

#include "core/image.hpp"

namespace cormack {

struct RegionBox {
  std::array<std::int64_t, 3> begin{}, end{};  // (z, y, x); end is not included; begin == end where there is no voxel
};

namespace cpu {
RegionBox region_box(const Image& labels, std::optional<double> label, Context context);
}
}  // namespace cormack
