#include "features/shape.hpp"

#include <bit>
#include <stdexcept>

#include "core/parallel.hpp"
#include "features/enclosing.hpp"
#include "features/mesh.hpp"

namespace cormack {
namespace {

// Voxels among which all corners of the convex hull of the voxels' centers are: of each slice the hull of the ends of
// its rows.
std::vector<Point> outermost(const PackedMask& mask, Context context) {
  const std::int64_t depth = mask.high[0] - mask.low[0] + 1;
  std::vector<std::vector<PlanePoint>> slices(static_cast<std::size_t>(depth));
  parallel_for(depth, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::vector<PlanePoint>& points = slices[static_cast<std::size_t>(i)];
      for (std::int64_t y = mask.low[1]; y <= mask.high[1]; ++y) {
        const std::uint64_t* row = mask.row(mask.low[0] + i, y);
        std::int64_t first = mask.low[2] / 64, last = mask.high[2] / 64;
        while (first <= last && row[first] == 0) ++first;
        if (first > last) continue;
        while (row[last] == 0) --last;
        const std::int64_t from = first * 64 + std::countr_zero(row[first]);
        const std::int64_t to = last * 64 + 63 - std::countl_zero(row[last]);
        points.push_back({y, from});
        if (to != from) points.push_back({y, to});
      }
      keep_corners(points);
    }
  });
  std::vector<Point> result;
  for (std::int64_t i = 0; i < depth; ++i)
    for (const PlanePoint& p : slices[static_cast<std::size_t>(i)]) result.push_back({mask.low[0] + i, p.a, p.b});
  return result;
}

// Whether half a voxel along the axis can be further out than half a voxel along every other one, for some direction
// between the normals of the faces around a corner of the hull.
bool may_be_corner(const std::vector<Point>& normals, std::size_t axis, std::int64_t side) {
  for (std::size_t other = 0; other < 3; ++other) {
    for (const std::int64_t sign : {-1, 1}) {
      if (other == axis) continue;
      bool beaten = true;
      for (const Point& normal : normals) beaten = beaten && side * normal[axis] < sign * normal[other];
      if (beaten) return false;
    }
  }
  bool away = true;
  for (const Point& normal : normals) away = away && side * normal[axis] < 0;
  return !away;
}

// Hull of the mesh in half voxels. The vertices of the mesh lie half a voxel from voxels at its surface; half a voxel
// along any axis from a voxel inside lies between two of them, so that the hull is the one of all points that are half
// a voxel from some voxel, and those next to corners of the voxels' hull suffice.
Hull hull_of_mesh(const PackedMask& mask, Context context) {
  const Hull voxels = convex_hull(outermost(mask, context));
  std::vector<std::vector<Point>> normals(voxels.vertices.size());
  for (const auto& face : voxels.faces) {
    const Point normal = normal_of(voxels, face);
    for (const int corner : face) normals[static_cast<std::size_t>(corner)].push_back(normal);
  }
  std::vector<Point> points;
  for (std::size_t i = 0; i < voxels.vertices.size(); ++i) {
    const Point& p = voxels.vertices[i];
    for (std::size_t axis = 0; axis < 3; ++axis) {
      for (const int side : {-1, 1}) {
        if (!normals[i].empty() && !may_be_corner(normals[i], axis, side)) continue;
        Point vertex{2 * p[0], 2 * p[1], 2 * p[2]};
        vertex[axis] += side;
        points.push_back(vertex);
      }
    }
  }
  return convex_hull(points);
}

}  // namespace

namespace cpu {

Shape shape(const Image& image, const std::array<double, 3>& spacing, Context context) {
  for (const std::int64_t length : image.shape)
    if (2 * length + 2 >= kHullExtent) throw std::invalid_argument("cormack: `mask` is too long for its hull");
  for (const double size : spacing)
    if (!(size > 0)) throw std::invalid_argument("cormack: `spacing` must be above 0");
  const PackedMask mask(image, context);
  Shape result;
  result.count = mask.sums.count;
  if (mask.empty()) return result;
  const double n = static_cast<double>(result.count);
  constexpr std::size_t axes[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
  for (std::size_t i = 0; i < 3; ++i)
    result.center[i] = static_cast<double>(mask.low[i]) + static_cast<double>(mask.sums.first[i]) / n;
  for (std::size_t i = 0; i < 6; ++i) {
    const auto [a, b] = axes[i];
    const double mean = static_cast<double>(mask.sums.first[a]) / n;
    const double product = static_cast<double>(mask.sums.second[i]) - mean * static_cast<double>(mask.sums.first[b]);
    result.scatter[i] = product * spacing[a] * spacing[b];
  }
  for (std::size_t i = 0; i < 3; ++i) result.box[i] = static_cast<double>(mask.high[i] - mask.low[i] + 1) * spacing[i];
  const Mesh mesh = mesh_of(mask, spacing, context);
  result.volume = mesh.volume;
  result.area = mesh.area;
  const Solid solid(hull_of_mesh(mask, context), {spacing[0] / 2, spacing[1] / 2, spacing[2] / 2});
  result.hull_volume = solid.volume;
  result.hull_area = solid.area;
  result.diameter = diameter(solid);
  result.oriented_box = smallest_box(solid, context);
  result.ellipsoid = smallest_ellipsoid(solid);
  return result;
}

}  // namespace cpu
}  // namespace cormack
