#pragma once
// Convex hull of points with integer coordinates, exact: no tolerance, whatever lies in one plane or line.
#include <array>
#include <cstdint>
#include <vector>

namespace cormack {

using Point = std::array<std::int64_t, 3>;

// Coordinates may differ by less than this, so that no determinant leaves 64 bits.
inline constexpr std::int64_t kHullExtent = std::int64_t{1} << 19;

struct Hull {
  std::vector<Point> vertices;            // none twice; some may lie inside a face or an edge
  std::vector<std::array<int, 3>> faces;  // counter-clockwise from outside, empty where all points lie in a plane
  // For the edge of each face from its corner i to the next: the face on the other side.
  std::vector<std::array<int, 3>> across;
};

// Quickhull. C. B. Barber, D. P. Dobkin, H. Huhdanpaa, ACM Trans. Math. Softw. 22 (1996) 469. O(n log n) as a rule.
// Where all points lie in a plane, the vertices are all points.
Hull convex_hull(const std::vector<Point>& points);

Point normal_of(const Hull& hull, const std::array<int, 3>& face);  // points outwards, of any length

// Keeps the corners of the convex hull of points in a plane, given by increasing (a, b); exact, in place.
struct PlanePoint {
  std::int64_t a, b;
};
void keep_corners(std::vector<PlanePoint>& points);

}  // namespace cormack
