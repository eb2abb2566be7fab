#pragma once
// The loops behind affine_transform: values of an image along straight lines. Compiled per instruction set.
#include <cstdint>

#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// Voxel i of a row lies at start + i * step, in voxels of the source, moved into [low, high].
struct AffineLine {
  double start[3], step[3], low[3], high[3];
  std::int64_t stride[2];  // of the source along z and y, in voxels
  std::int64_t shape[3];   // of the source
  bool planar;             // it lies in the slice z = 0
  bool is_small;           // offsets of voxels fit into 32 bits
};

template <class T>
using AffineRow = void (*)(const T* src, const AffineLine& line, std::int64_t first, std::int64_t n, double* dst);

struct AffineRows {
  DTypeTable<AffineRow> nearest;  // low >= 0 and high <= n - 1 for these two
  DTypeTable<AffineRow> linear;
  AffineRow<double> cubic;  // of coefficients; positions within a voxel of the image
};

CORMACK_TABLE(AffineRows, affine_rows)

}  // namespace cormack
