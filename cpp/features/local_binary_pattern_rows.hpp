#pragma once
// One point of the patterns of one row. Compiled per instruction set.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

// What becomes of a pattern; names and numbers are those of scikit-image.
enum class PatternCode : int { plain, rotated, uniform, ordered_uniform, variance };

struct PatternRule {
  PatternCode code;
  int points;
  const std::uint64_t* neighbours;  // of each point on a sphere, a bit for each that it touches; null on a circle
};

struct LocalBinaryPatternRows {
  // Sets bit `bit` of pattern[i] where the point is at least center[i]. The point of pixel i, in column columns[i],
  // lies `shift` further, and at `part` of the way from row above to row below, which start at column `left` =
  // floor(shift); `next` is where the column after that is. sums and squares, or null: to which the values and their
  // squares are added.
  void (*circle)(const double* above, const double* below, std::int64_t next, double part, const double* center,
                 const double* columns, double shift, double left, int bit, std::int64_t n, std::uint64_t* pattern,
                 double* sums, double* squares);
  // The same between rows (z, y), (z, y + 1), (z + 1, y), (z + 1, y + 1), with the parts of the way along z, y and x.
  void (*sphere)(const double* const* rows, const double* parts, const double* center, int bit, std::int64_t n,
                 std::uint64_t* pattern);
  void (*codes)(const std::uint64_t* pattern, std::int64_t n, const PatternRule& rule, double* result);
};

CORMACK_TABLE(LocalBinaryPatternRows, local_binary_pattern_rows)

}  // namespace cormack
