#include "features/shape.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

#include "core/parallel.hpp"
#include "features/enclosing.hpp"
#include "features/mesh.hpp"

namespace cormack {
namespace {

// The first and the last voxel of a row.
struct Ends {
  std::int64_t first = -1, last = -1;
};

// A mask, as far as its shape needs it: its box, sums of indices relative to `low`, and ends(z, y) of its rows.
struct Outline {
  std::array<std::int64_t, 3> low{}, high{};
  IndexSums sums;
  Mesh mesh;
};

// Voxels among which all corners of the convex hull of the voxels' centers are: of each slice the hull of the ends of
// its rows.
template <class EndsOf>
std::vector<Point> outermost(const Outline& mask, const EndsOf& ends, Context context) {
  const std::int64_t depth = mask.high[0] - mask.low[0] + 1;
  std::vector<std::vector<PlanePoint>> slices(static_cast<std::size_t>(depth));
  parallel_for(depth, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      std::vector<PlanePoint>& points = slices[static_cast<std::size_t>(i)];
      for (std::int64_t y = mask.low[1]; y <= mask.high[1]; ++y) {
        const Ends row = ends(mask.low[0] + i, y);
        if (row.last < 0) continue;
        points.push_back({y, row.first});
        if (row.last != row.first) points.push_back({y, row.last});
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
Hull hull_of_mesh(const std::vector<Point>& outermost) {
  const Hull voxels = convex_hull(outermost);
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

void check(const std::array<double, 3>& spacing) {
  for (const double size : spacing)
    if (!(size > 0)) throw std::invalid_argument("cormack: `spacing` must be above 0");
}

void check_length(std::int64_t length) {
  if (2 * length + 2 >= kHullExtent) throw std::invalid_argument("cormack: `mask` is too long for its hull");
}

template <class EndsOf>
Shape measured(const Outline& mask, const EndsOf& ends, const std::array<double, 3>& spacing, Context context) {
  Shape result;
  result.count = mask.sums.count;
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
  result.volume = mask.mesh.volume;
  result.area = mask.mesh.area;
  const Solid solid(hull_of_mesh(outermost(mask, ends, context)), {spacing[0] / 2, spacing[1] / 2, spacing[2] / 2});
  result.hull_volume = solid.volume;
  result.hull_area = solid.area;
  result.diameter = diameter(solid);
  result.oriented_box = smallest_box(solid, context);
  result.ellipsoid = smallest_ellipsoid(solid);
  return result;
}

}  // namespace

namespace cpu {

Shape shape(const Image& image, const std::array<double, 3>& spacing, Context context) {
  for (const std::int64_t length : image.shape) check_length(length);
  check(spacing);
  const PackedMask mask(image, context);
  if (mask.empty()) return {};
  const auto ends = [&](std::int64_t z, std::int64_t y) -> Ends {
    const std::uint64_t* row = mask.row(z, y);
    std::int64_t first = mask.low[2] / 64, last = mask.high[2] / 64;
    while (first <= last && row[first] == 0) ++first;
    if (first > last) return {};
    while (row[last] == 0) --last;
    return {first * 64 + std::countr_zero(row[first]), last * 64 + 63 - std::countl_zero(row[last])};
  };
  return measured({mask.low, mask.high, mask.sums, mesh_of(mask, spacing, context)}, ends, spacing, context);
}

Shape shape_of_counts(const ShapeCounts& counts, const std::array<double, 3>& spacing, Context context) {
  check_length(counts.depth);
  check_length(counts.height);
  check(spacing);
  const auto& s = counts.sums;
  if (s[0] == 0) return {};
  const auto ends = [&](std::int64_t z, std::int64_t y) -> Ends {
    const std::int32_t* row = counts.ends + 2 * (z * counts.height + y);
    return {row[0], row[1]};
  };
  Outline outline;
  outline.low = {counts.depth, counts.height, std::numeric_limits<std::int32_t>::max()};
  for (std::int64_t z = 0; z < counts.depth; ++z) {
    for (std::int64_t y = 0; y < counts.height; ++y) {
      const Ends row = ends(z, y);
      if (row.last < 0) continue;
      const std::array<std::int64_t, 3> first{z, y, row.first}, last{z, y, row.last};
      for (std::size_t axis = 0; axis < 3; ++axis) {
        outline.low[axis] = std::min(outline.low[axis], first[axis]);
        outline.high[axis] = std::max(outline.high[axis], last[axis]);
      }
    }
  }
  check_length(outline.high[2]);
  outline.sums = moved({s[0], {s[1], s[2], s[3]}, {s[4], s[5], s[6], s[7], s[8], s[9]}}, outline.low);
  outline.mesh = mesh_of(counts.patterns, s[0], spacing);
  return measured(outline, ends, spacing, context);
}

}  // namespace cpu
}  // namespace cormack
