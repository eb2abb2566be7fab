#pragma once
// The triangles of marching cubes by the bits of a cell's corners: bit k is corner (k & 1, k >> 1 & 1, k >> 2) along
// (x, y, z). Edges are numbered by axis and place: along x at (z, y) 2 z + y, along y at (z, x) 4 + 2 z + x, along z at
// (y, x) 8 + 2 y + x.
#include "features/mesh_tables.hpp"

namespace cormack {

struct CellTriangles {
  unsigned char count[256];      // triangles
  unsigned char edges[256][15];  // three a triangle; they point to corners that are not set, by the right-hand rule
};

constexpr CellTriangles make_cell_triangles() {
  CellTriangles result{};
  for (int bits = 0; bits < 256; ++bits) {
    // Corners 2 and 3, 6 and 7 change places between the tables' order and that of the bits.
    const int pattern = (bits & 0x33) | (bits & 0x44) << 1 | (bits & 0x88) >> 1;
    int n = 0;
    for (const char* edge = kCellTriangles[pattern]; *edge != 0; ++edge, ++n) {
      const int (&ends)[2] = kCellEdges[*edge <= '9' ? *edge - '0' : *edge - 'a' + 10];
      const int (&a)[3] = kCellCorners[ends[0]];
      const int (&b)[3] = kCellCorners[ends[1]];
      const int number = a[0] != b[0] ? 2 * a[2] + a[1] : a[1] != b[1] ? 4 + 2 * a[2] + a[0] : 8 + 2 * a[1] + a[0];
      // The tables' triangles point inwards.
      const int place = n % 3 == 0 ? n : n % 3 == 1 ? n + 1 : n - 1;
      result.edges[bits][place] = static_cast<unsigned char>(number);
    }
    result.count[bits] = static_cast<unsigned char>(n / 3);
  }
  return result;
}

inline constexpr CellTriangles kTrianglesOfCell = make_cell_triangles();

}  // namespace cormack
