#pragma once
// Zones of one grey level: connected voxels (8 in a slice, 26 in space), by size (G. Thibault et al., "Shape and
// texture indexes: application to cell nuclei classification", IJPRAI 27(1), 2013) and by the distance of their nearest
// voxel to the edge. Union-find over voxels in slabs of slices, then across their borders. Memory: 4 bytes for each
// voxel of the padded box, 2 more for distances, 12 for each zone.
#include "features/levels.hpp"
#include "features/texture_tally.hpp"

namespace cormack {

struct ZoneCells {
  Cells sizes, distances;  // matrix (the slice for dimensions 2, else 0), level, size or distance
};

namespace cpu {
// dimensions: 2 for zones within slices, 3 for zones in space. Without `distances` these stay empty.
ZoneCells zones(const Levels& levels, int dimensions, bool distances, Context context);
}  // namespace cpu
}  // namespace cormack
