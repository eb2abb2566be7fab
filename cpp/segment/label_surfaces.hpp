#pragma once
// Area of the surface (2-D: length of the border) and volume (area) inside the mesh of every object of a label image,
// each meshed as if it were alone. Meshes are not built: vertices at midpoints between pixels make the part of each
// cell of eight pixels depend on the pattern of its corners alone. Cells between runs of labels along x are handled at
// once, so time grows with the runs. Linear in the pixels; memory: a few rows of runs for each thread.
#include <span>
#include <vector>

#include "core/image.hpp"

namespace cormack {

struct LabelSurface {
  double area = 0, volume = 0;
};

// What a cell adds to the sums of an object for each pattern of its corners; bit k of a pattern is corner (k & 1, k >>
// 1 & 1, k >> 2 & 1) along (x, y, z). In 2-D all four corners with z = 0 are outside, and bits 4 to 7 are the pixels.
using CellSurfaces = std::array<LabelSurface, 256>;
// Those of 2-D, by marching squares, less the part of the cell's pixels that is inside: what the meshes add to the
// pixels' own area. Inside corners that meet in a diagonal are kept apart. spacing: (z, y, x).
CellSurfaces square_cells(const std::array<double, 3>& spacing);

namespace cpu {
// labels: any integer dtype, 0 is background. numbers: the labels that occur, in increasing order, which is that of the
// result. The same bits for any number of threads.
std::vector<LabelSurface> label_surfaces(const Image& labels, std::span<const std::int64_t> numbers,
                                         const CellSurfaces& cells, Context context);
}  // namespace cpu
}  // namespace cormack
