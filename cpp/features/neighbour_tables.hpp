#pragma once
// What the neighbours of each voxel inside have in common with it, within a Chebyshev distance: in their slice
// (dimensions 2) or in space (3). One visit of every voxel; integers only.
#include "features/levels.hpp"

namespace cormack {

// Of the voxels of one level that have the same number of neighbours inside.
struct ToneCell {
  std::uint64_t voxels;
  std::uint64_t difference;  // sum of |number * level - sum of the neighbours' levels|
};

// The most neighbours that a voxel may have, itself not counted.
std::int64_t most_neighbours(int dimensions, std::int64_t distance);

namespace cpu {
// cells: for each slice (dimensions 2; one for all of space), levels x (most_neighbours + 1), all written.
// Neighbourhood grey tone differences (M. Amadasun, R. King, "Textural features corresponding to textural properties",
// IEEE Trans. Systems, Man, and Cybernetics 19(5), 1989), exact. Both throw std::invalid_argument for a distance beyond
// the padding.
void ngtdm(const Levels& levels, int dimensions, std::int64_t distance, ToneCell* cells, Context context);

// counts: for each slice or all of space, levels x (most_neighbours + 1): voxels by the number, from 1, of voxels in
// the neighbourhood, itself included, whose level differs by no more than `coarseness` (C. Sun, W. Wee, "Neighboring
// gray level dependence matrix for texture classification", CVGIP 23(3), 1983). All written.
void ngldm(const Levels& levels, int dimensions, std::int64_t distance, std::int64_t coarseness, std::uint64_t* counts,
           Context context);
}  // namespace cpu
}  // namespace cormack
