#pragma once
// The surface where a volume passes through a level, as triangles that share their vertices. Marching cubes (Lorensen
// and Cline, 1987) with tables that keep apart two inside corners on the diagonal of a face, seen from both of its
// cells: the mesh has no holes but where it leaves the volume or the mask.
// A voxel is inside where its value is above the level, exactly. Vertices come in raster order of the voxel their edge
// starts at (its edge along x, then y, then z), triangles in raster order of cells. Cost: one pass over the volume, and
// for the rest one over the surface; 4 bits a voxel of memory.
#include <array>
#include <vector>

#include "detect/marching_cubes_rows.hpp"
#include "segment/bit_image.hpp"

namespace cormack::cpu {

struct SurfaceArrays {
  float* vertices;      // (z, y, x) of each, times the spacing
  float* normals;       // unit vectors, in mm too, (z, y, x)
  float* values;        // largest difference of corners among the cells around the vertex
  std::int32_t* faces;  // three vertices of each
};

// What runs between the two steps is the allocation of the arrays.
class MarchingCubes {
 public:
  // volume: 3-D, any dtype and strides. mask: of its shape, or null; a cell counts if its last corner is inside.
  // has_nan: whether there may be NaN, whose cells do not count. The volume must outlive the object.
  MarchingCubes(const Image& volume, double level, const Image* mask, bool has_nan, Context context);

  std::int64_t vertex_count() const { return vertex_count_; }
  std::int64_t face_count() const { return face_count_; }

  // `ascent` turns triangles and normals round: without it they point to lower values, triangles by the right-hand rule
  // in the order x, y, z. Requires vertex_count() < 2^31.
  void emit(const std::array<double, 3>& spacing, bool ascent, const SurfaceArrays& out) const;

 private:
  const std::uint64_t* edges(int axis, std::int64_t z, std::int64_t y) const {
    return edges_.data() + (axis * bits_.row_count() + z * volume_.shape[1] + y) * bits_.words;
  }
  CellRow cell_row(std::int64_t z, std::int64_t y) const;
  void find_cells(const Image* mask, bool has_nan);
  void find_edges();
  void count();

  Image volume_;
  double level_;
  Context context_;
  BitImage bits_;
  std::vector<std::uint64_t> cells_;        // which count, rows of words; empty if all do
  Scratch<std::uint64_t> edges_;            // which edges along x, y and z have a vertex
  std::vector<std::int64_t> first_vertex_;  // of each row, for edges along x, y and z
  std::vector<std::int64_t> first_face_;    // of each row of cells
  std::int64_t vertex_count_ = 0, face_count_ = 0;
};

}  // namespace cormack::cpu
