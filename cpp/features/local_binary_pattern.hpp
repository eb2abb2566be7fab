#pragma once
// Local binary patterns: which points around a pixel are at least as bright as it (T. Ojala, M. Pietikainen,
// T. Maenpaa, "Multiresolution gray-scale and rotation invariant texture classification with local binary patterns",
// IEEE Trans. Pattern Analysis and Machine Intelligence 24(7), 2002). Each thread keeps the rows around the one it is
// at as float64; points are read between pixels by linear interpolation.
#include <array>
#include <vector>

#include "core/image.hpp"
#include "features/local_binary_pattern_rows.hpp"

namespace cormack {

struct SpherePoint {
  std::array<double, 3> offset;  // (z, y, x) in voxels
  std::uint64_t neighbours;      // a bit for each point that it touches
};

namespace cpu {
// Patterns of every slice; beyond it pixels are 0. points: (y, x), at most 31 for plain and rotated, else 64.
// dst: float64 of src's shape. Throws std::invalid_argument otherwise.
void local_binary_pattern(const Image& src, const Image& dst, const std::vector<std::array<double, 2>>& points,
                          PatternCode code, Context context);

// Patterns on a sphere of 2 to 64 points; beyond the volume its nearest voxel. dst: float64; how many points are at
// least as bright where those that are, and those that are not, each hang together; else one more than there are
// points.
void local_binary_pattern_sphere(const Image& src, const Image& dst, const std::vector<SpherePoint>& points,
                                 Context context);
}  // namespace cpu
}  // namespace cormack
