#include <bit>

#include "features/local_binary_pattern_rows.hpp"

namespace cormack::CORMACK_ISA {

static void circle(const double* above, const double* below, std::int64_t next, double part, const double* center,
                   const double* columns, double shift, double left, int bit, std::int64_t n, std::uint64_t* pattern,
                   double* sums, double* squares) {
  const std::uint64_t mask = std::uint64_t{1} << bit;
  const auto value_at = [=](std::int64_t i) {
    // Rounded as scikit-image does, so that ties fall alike.
    const double across = (columns[i] + shift) - (columns[i] + left);
    const double top = (1 - across) * above[i] + across * above[i + next];
    const double bottom = (1 - across) * below[i] + across * below[i + next];
    return (1 - part) * top + part * bottom;
  };
  if (sums == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) pattern[i] |= value_at(i) - center[i] >= 0 ? mask : 0;
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = value_at(i);
    // In scikit-image's order of points.
    sums[i] += value;
    squares[i] += value * value;
    pattern[i] |= value - center[i] >= 0 ? mask : 0;
  }
}

static void sphere(const double* const* rows, const double* parts, const double* center, int bit, std::int64_t n,
                   std::uint64_t* pattern) {
  const std::uint64_t mask = std::uint64_t{1} << bit;
  const double *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
  const double z = parts[0], y = parts[1], x = parts[2];
  for (std::int64_t i = 0; i < n; ++i) {
    // Where all voxels are equal so is the value between them.
    const double first = a[i] + x * (a[i + 1] - a[i]), second = b[i] + x * (b[i + 1] - b[i]);
    const double third = c[i] + x * (c[i + 1] - c[i]), fourth = d[i] + x * (d[i + 1] - d[i]);
    const double near = first + y * (second - first), far = third + y * (fourth - third);
    pattern[i] |= near + z * (far - near) >= center[i] ? mask : 0;
  }
}

static std::uint64_t all_of(int points) { return points == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << points) - 1; }

// At most two changes from the first point to the last one.
static bool is_uniform(std::uint64_t pattern, int points) {
  return std::popcount((pattern ^ (pattern >> 1)) & (all_of(points) >> 1)) <= 2;
}

static double ordered(std::uint64_t pattern, int points) {
  const double n = points;
  if (!is_uniform(pattern, points)) return n * (n - 1) + 2;
  const int ones = std::popcount(pattern);
  if (ones == 0) return 0;
  if (ones == points) return n * (n - 1) + 1;
  const int first_one = std::countr_zero(pattern), first_zero = std::countr_one(pattern);
  return 1 + (ones - 1) * n + (first_one == 0 ? ones - first_zero : points - first_one);
}

static double smallest_rotation(std::uint64_t pattern, int points) {
  std::uint64_t smallest = pattern;
  for (int i = 1; i < points; ++i) {
    pattern = (pattern >> 1) | ((pattern & 1) << (points - 1));
    smallest = pattern < smallest ? pattern : smallest;
  }
  return static_cast<double>(smallest);
}

// Whether the points of a set hang together; none do.
static bool hangs_together(std::uint64_t set, const std::uint64_t* neighbours) {
  std::uint64_t front = set & (~set + 1), reached = front;
  while (front != 0) {
    const std::uint64_t more = neighbours[std::countr_zero(front)] & set & ~reached;
    reached |= more;
    front = (front & (front - 1)) | more;
  }
  return reached == set;
}

template <class Code>
static void each(const std::uint64_t* pattern, std::int64_t n, double* result, const Code& code) {
  for (std::int64_t i = 0; i < n; ++i) result[i] = code(pattern[i]);
}

static void codes(const std::uint64_t* pattern, std::int64_t n, const PatternRule& rule, double* result) {
  const int points = rule.points;
  if (rule.neighbours != nullptr) {
    const std::uint64_t all = all_of(points);
    each(pattern, n, result, [&](std::uint64_t p) {
      const bool uniform = hangs_together(p, rule.neighbours) && hangs_together(all & ~p, rule.neighbours);
      return uniform ? static_cast<double>(std::popcount(p)) : points + 1.0;
    });
  } else if (rule.code == PatternCode::plain) {
    each(pattern, n, result, [](std::uint64_t p) { return static_cast<double>(p); });
  } else if (rule.code == PatternCode::rotated) {
    each(pattern, n, result, [=](std::uint64_t p) { return smallest_rotation(p, points); });
  } else if (rule.code == PatternCode::ordered_uniform) {
    each(pattern, n, result, [=](std::uint64_t p) { return ordered(p, points); });
  } else {
    each(pattern, n, result,
         [=](std::uint64_t p) { return is_uniform(p, points) ? static_cast<double>(std::popcount(p)) : points + 1.0; });
  }
}

extern const LocalBinaryPatternRows local_binary_pattern_rows;
const LocalBinaryPatternRows local_binary_pattern_rows{circle, sphere, codes};

}  // namespace cormack::CORMACK_ISA
