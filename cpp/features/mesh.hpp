#pragma once
// Volume and area of the surface of a mask, by marching cubes at 0.5 with the mask continued by zeros, without building
// the mesh: vertices lie at midpoints between voxels, so that a cell's part depends on the pattern of its eight corners
// alone. The patterns are counted, and their counts multiplied by each pattern's volume and area.
#include <array>

#include "features/packed_mask.hpp"

namespace cormack {

// How many cells have each pattern of corners; bit k of a pattern is corner (k & 1, k >> 1 & 1, k >> 2 & 1) along
// (x, y, z). Patterns 0 and 255, which hold no surface, are not counted. Exact and the same for any number of threads.
std::array<std::int64_t, 256> corner_patterns(const PackedMask& mask, Context context);

struct Mesh {
  double volume = 0, area = 0;
};

// The part inside of a cell of eight voxels for each pattern of its corners, numbered as above; spacing: (z, y, x).
std::array<Mesh, 256> meshes_of_cells(const std::array<double, 3>& spacing);

// From how many cells have each pattern, and voxels inside.
Mesh mesh_of(const std::array<std::int64_t, 256>& counts, std::int64_t voxels, const std::array<double, 3>& spacing);
Mesh mesh_of(const PackedMask& mask, const std::array<double, 3>& spacing, Context context);  // spacing: (z, y, x)

}  // namespace cormack
