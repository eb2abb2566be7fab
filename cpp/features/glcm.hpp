#pragma once
// Grey level co-occurrence: how often a voxel of level i has a voxel of level j at an offset (R. Haralick et al.,
// "Textural features for image classification", IEEE Trans. Systems, Man, and Cybernetics 3(6), 1973). One visit of
// every voxel for each offset; memory: two tables of (levels + 1)^2 counts for each thread.
#include "features/levels.hpp"

namespace cormack::cpu {

// counts: for each slice (one for all unless per_slice, which takes offsets within slices only) and offset, levels x
// levels, all written. Not symmetric: each pair is counted once. Throws std::invalid_argument for an offset that
// reaches beyond the padding.
void glcm(const Levels& levels, const std::vector<Offset>& offsets, bool per_slice, std::uint32_t* counts,
          Context context);

}  // namespace cormack::cpu
