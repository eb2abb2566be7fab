#include "features/mesh.hpp"

#include <bit>
#include <cmath>
#include <mutex>

#include "core/parallel.hpp"
#include "features/mesh_tables.hpp"

namespace cormack {
namespace {

using Vector = std::array<double, 3>;

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// The edge's midpoint, from the centre of the cell.
Vector midpoint(char edge, const Vector& size) {
  const int* ends = kCellEdges[edge <= '9' ? edge - '0' : edge - 'a' + 10];
  Vector point{};
  for (std::size_t i = 0; i < 3; ++i)
    point[i] = ((kCellCorners[ends[0]][i] + kCellCorners[ends[1]][i]) / 2.0 - 0.5) * size[i];
  return point;
}

// How much of a face lies inside. The mesh keeps apart two inside corners on its diagonal.
double inside_of_face(const int (&corners)[4], int pattern) {
  constexpr double parts[5] = {0, 0.125, 0.5, 0.875, 1};
  int count = 0;
  for (const int corner : corners) count += pattern >> corner & 1;
  const bool diagonal = count == 2 && (pattern >> corners[0] & 1) == (pattern >> corners[2] & 1);
  return diagonal ? 0.25 : parts[count];
}

// Of the part of a cell that is inside. `pattern` numbers corners as the tables do.
Mesh mesh_of_cell(int pattern, const Vector& size) {
  Mesh result;
  // The flux of r / 3 through the faces of the cell and the triangles, which point inwards.
  double faces = 0;
  for (const auto& face : kCellFaces) faces += inside_of_face(face, pattern);
  result.volume = faces * (size[0] * size[1] * size[2]) / 6;
  for (const char* edge = kCellTriangles[pattern]; *edge != 0; edge += 3) {
    const Vector a = midpoint(edge[0], size), b = midpoint(edge[1], size), c = midpoint(edge[2], size);
    const Vector normal = cross({b[0] - a[0], b[1] - a[1], b[2] - a[2]}, {c[0] - a[0], c[1] - a[1], c[2] - a[2]});
    result.volume -= dot(a, normal) / 6;
    result.area += std::sqrt(dot(normal, normal)) / 2;
  }
  return result;
}

// Corners 2 and 3, 6 and 7 change places between the tables' order and that of the bits.
int table_pattern(int bits) { return (bits & 0x33) | (bits & 0x44) << 1 | (bits & 0x88) >> 1; }

}  // namespace

std::array<std::int64_t, 256> corner_patterns(const PackedMask& mask, Context context) {
  std::array<std::int64_t, 256> total{};
  if (mask.empty()) return total;
  std::mutex mutex;
  const std::vector<std::uint64_t> nothing(static_cast<std::size_t>(mask.words));
  const auto row_at = [&](std::int64_t z, std::int64_t y) {
    const bool inside = z >= mask.low[0] && z <= mask.high[0] && y >= mask.low[1] && y <= mask.high[1];
    return inside ? mask.row(z, y) : nothing.data();
  };
  // Cell (z, y, x) has the voxels z - 1 and z, y - 1 and y, x - 1 and x.
  const std::int64_t first = mask.low[2] / 64, last = (mask.high[2] + 1) / 64;
  parallel_for(mask.high[0] - mask.low[0] + 2, 4, context.workers, [&](std::int64_t begin, std::int64_t end) {
    std::array<std::int64_t, 256> counts{};
    for (std::int64_t z = mask.low[0] + begin; z < mask.low[0] + end; ++z) {
      for (std::int64_t y = mask.low[1]; y <= mask.high[1] + 1; ++y) {
        const std::uint64_t* rows[4] = {row_at(z - 1, y - 1), row_at(z - 1, y), row_at(z, y - 1), row_at(z, y)};
        std::uint64_t carry[4] = {};
        for (std::int64_t w = first; w <= last; ++w) {
          std::uint64_t corners[8], any = 0, all = ~std::uint64_t{0};
          for (int k = 0; k < 4; ++k) {
            const std::uint64_t word = w < mask.words ? rows[k][w] : 0;
            corners[2 * k] = word << 1 | carry[k];
            corners[2 * k + 1] = word;
            carry[k] = word >> 63;
            any |= corners[2 * k] | word;
            all &= corners[2 * k] & word;
          }
          for (std::uint64_t surface = any & ~all; surface != 0; surface &= surface - 1) {
            const int x = std::countr_zero(surface);
            std::size_t pattern = 0;
            for (std::size_t k = 0; k < 8; ++k) pattern |= static_cast<std::size_t>(corners[k] >> x & 1) << k;
            ++counts[pattern];
          }
        }
      }
    }
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < 256; ++i) total[i] += counts[i];
  });
  return total;
}

std::array<Mesh, 256> meshes_of_cells(const std::array<double, 3>& spacing) {
  std::array<Mesh, 256> result;
  for (std::size_t i = 0; i < 256; ++i) {
    result[i] = mesh_of_cell(table_pattern(static_cast<int>(i)), {spacing[2], spacing[1], spacing[0]});
  }
  return result;
}

Mesh mesh_of(const PackedMask& mask, const std::array<double, 3>& spacing, Context context) {
  return mesh_of(corner_patterns(mask, context), mask.sums.count, spacing);
}

Mesh mesh_of(const std::array<std::int64_t, 256>& counts, std::int64_t voxels, const std::array<double, 3>& spacing) {
  Mesh result;
  // Cells that are inside as a whole: every voxel has eight corners in cells, which those with a surface take in part.
  std::int64_t corners = 8 * voxels;
  for (std::size_t i = 0; i < 256; ++i) {
    if (counts[i] == 0) continue;
    corners -= counts[i] * std::popcount(i);
    const Mesh cell = mesh_of_cell(table_pattern(static_cast<int>(i)), {spacing[2], spacing[1], spacing[0]});
    result.volume += static_cast<double>(counts[i]) * cell.volume;
    result.area += static_cast<double>(counts[i]) * cell.area;
  }
  result.volume += static_cast<double>(corners) / 8 * (spacing[0] * spacing[1] * spacing[2]);
  return result;
}

}  // namespace cormack
