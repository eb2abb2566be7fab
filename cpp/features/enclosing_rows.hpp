#pragma once
// Loops over all points or normals of a body. Compiled per instruction set. Lengths are multiples of kLanes; sums have
// kLanes parts, added in one order, so that every level gives the same bits.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

struct EnclosingRows {
  static constexpr std::int64_t kLanes = 8;

  // Extent of the points along a direction.
  double (*extent)(const double* const* axes, std::int64_t n, const double* direction);
  // result = normal . direction; returns the sum of its magnitudes times areas.
  double (*facing)(const double* const* axes, const double* areas, std::int64_t n, const double* direction,
                   double* result);
  // Extents of n points in a plane along `count` directions, a multiple of 4, with these cosines and sines.
  void (*widths)(const double* a, const double* b, std::int64_t n, const double* cosines, const double* sines,
                 std::int64_t count, double* result);
  // Coordinates of n points along two directions.
  void (*flatten)(const double* const* axes, std::int64_t n, const double* u, const double* v, double* a, double* b);
  // Largest squared distance of the points from a point.
  double (*furthest)(const double* const* axes, std::int64_t n, const double* point);
};

CORMACK_TABLE(EnclosingRows, enclosing_rows)

}  // namespace cormack
