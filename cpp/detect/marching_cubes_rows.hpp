#pragma once
// Rows of marching cubes, 64 cells to a word. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// A row of cells: which of the voxels of its four rows, (z, y), (z, y + 1), (z + 1, y) and (z + 1, y + 1), are inside.
struct CellRow {
  const std::uint64_t* corners[4];
  const std::uint64_t* cells;  // which count, or null
  std::int64_t count;          // cells, one less than voxels
};

// Rows of edges that cells (z, y) use: along x as the corners above, along y (z) and (z + 1), along z (y) and (y + 1).
struct EdgeRows {
  const std::uint64_t* edges[8];
  std::int32_t first[8];  // number of the first vertex of each
};

// Vertices on the edges of one row of voxels, all along one axis.
template <class T>
struct VertexRow {
  const T* row;  // voxel (z, y, 0)
  std::int64_t index[2];
  std::int64_t shape[3], stride[3];
  const std::uint64_t* edges;
  int axis;
  double level, spacing[3];
  double sign;  // 1: normals point to lower values
};

template <class T>
using VerticesOf = void (*)(const VertexRow<T>& row, float* vertices, float* normals, float* values);

struct MarchingCubesRows {
  std::int64_t (*count_bits)(const std::uint64_t* words, std::int64_t n);
  std::int64_t (*count_faces)(const CellRow& row);
  void (*faces)(const CellRow& row, EdgeRows edges, bool ascent, std::int32_t* out);
  DTypeTable<VerticesOf> vertices;
};

CORMACK_TABLE(MarchingCubesRows, marching_cubes_rows)

}  // namespace cormack
