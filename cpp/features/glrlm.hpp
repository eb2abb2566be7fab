#pragma once
// Grey level run lengths: how many runs of voxels of one level have a length (M. Galloway, "Texture analysis using gray
// level run lengths", Computer Graphics and Image Processing 4, 1975). One visit of every voxel for each direction,
// without branches: voxels are counted by their place in their run, and runs of a length are what is one place longer
// taken from what is at least as long.
#include "features/levels.hpp"
#include "features/texture_tally.hpp"

namespace cormack::cpu {

// Cells of matrix slice * directions + direction (slice 0 where not per_slice), level, length. Directions are steps of
// at most one voxel along each axis whose first step that is not zero is 1; throws std::invalid_argument for others.
Cells glrlm(const Levels& levels, const std::vector<Offset>& directions, bool per_slice, Context context);

}  // namespace cormack::cpu
