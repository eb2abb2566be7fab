#pragma once
// Parts of the distance transform on tiles: kTileColumns columns of pixels beside each other, one row of the tile for
// each pixel of a column. Compiled per instruction set.
#include "core/isa.hpp"

namespace cormack {

inline constexpr std::int64_t kTileColumns = 64;
// What a column's envelope needs at a time, so that cache lines of the tile are read once.
inline constexpr std::int64_t kColumnsAtOnce = 8;
// More than any distance in pixels: no zero on this side.
inline constexpr std::int32_t kFar = 1 << 30;

struct DistanceColumns {
  double* tile;         // squared distances, replaced by those that take this axis in; infinite where there is none
  std::int32_t* sites;  // null, or a tile for the position along the axis of the pixel that a distance comes from
  std::int64_t length;  // of the columns
  std::int64_t count;   // of columns
  double weight;        // squared spacing of this axis
  const double* half_inverse;  // 1 / (2 weight d) for d = 0 (unused) to length
  double* values;              // room for 3 * kColumnsAtOnce * length
  std::int32_t* stack;         // room for (2 + kColumnsAtOnce) * (length + 1)
};

struct DistanceRows {
  // Squared distances along x of 64 pixels, weight * d * d: `bits` is set where a pixel is not zero, `left` how far
  // before the first and `right` how far behind the last of them the next zero is, at least 1. nearest: null, or
  // where the zero is relative to the first of them.
  void (*along_row)(std::uint64_t bits, std::int32_t left, std::int32_t right, double weight, double* squares,
                    std::int32_t* nearest);
  void (*along_columns)(const DistanceColumns&);
  void (*load32)(const float* from, double* to, std::int64_t n);
  void (*store32)(const double* from, float* to, std::int64_t n);
  void (*root)(const double* from, double* to, double scale, std::int64_t n);  // scale * sqrt
  void (*root32)(const double* from, float* to, double scale, std::int64_t n);
};

CORMACK_TABLE(DistanceRows, distance_rows)

}  // namespace cormack
