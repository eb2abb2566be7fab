#pragma once
// What encloses a convex body: its diameter, its smallest box, its smallest ellipsoid. Coordinates in millimetres.
// The same bits for any number of threads.
#include <array>

#include "core/image.hpp"
#include "features/hull.hpp"

namespace cormack {

struct Solid {
  Solid(const Hull& hull, const std::array<double, 3>& unit);  // unit: millimetres per step of each axis

  std::vector<std::array<double, 3>> points;
  std::vector<std::array<double, 3>> normals;     // unit length; one for each plane that holds faces, outwards
  std::vector<std::array<double, 3>> directions;  // normals, one of each two that are opposite
  std::vector<double> areas;                      // of the faces in each plane
  std::vector<std::array<int, 4>> edges;          // two points, the planes on both sides, of edges between planes
  double volume = 0, area = 0;
};

// Largest distance of two points; tries all pairs that are far enough from the middle.
double diameter(const Solid& solid);

// Edges of the smallest box that has a face in the plane of a face of the body, or the axes of the image. O(planes x
// points). The smallest box of all may be smaller: it has two faces that hold edges only.
// H. Freeman, R. Shapira, Commun. ACM 18 (1975) 409 in the plane; C. K. Chan, S. T. Tan, Comput.-Aided Des. 33 (2001)
// 433.
std::array<double, 3> smallest_box(const Solid& solid, Context context);

// Matrix (zz, yy, xx, zy, zx, yx) whose eigenvalues are the squares of the semi-axes of the ellipsoid of least volume
// around all points: all are inside, and its volume exceeds the least one by a factor of 1 + 1e-6 at most.
// L. Vandenberghe, S. Boyd, S.-P. Wu, SIAM J. Matrix Anal. Appl. 19 (1998) 499. The points must not lie in a plane.
std::array<double, 6> smallest_ellipsoid(const Solid& solid);

}  // namespace cormack
