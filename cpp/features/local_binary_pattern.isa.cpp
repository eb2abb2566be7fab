#include "features/local_binary_pattern_rows.hpp"

namespace cormack::CORMACK_ISA {

static void circle(const double* above, const double* below, std::int64_t next, double part, const double* center,
                   const double* columns, double shift, double left, int bit, std::int64_t n, std::uint64_t* pattern,
                   double* texture) {
  const std::uint64_t mask = std::uint64_t{1} << bit;
  const auto value_at = [=](std::int64_t i) {
    // Rounded as scikit-image does, so that ties fall alike.
    const double across = (columns[i] + shift) - (columns[i] + left);
    const double top = (1 - across) * above[i] + across * above[i + next];
    const double bottom = (1 - across) * below[i] + across * below[i + next];
    return (1 - part) * top + part * bottom;
  };
  if (texture == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) pattern[i] |= value_at(i) - center[i] >= 0 ? mask : 0;
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = value_at(i);
    texture[i] = value;
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

extern const LocalBinaryPatternRows local_binary_pattern_rows;
const LocalBinaryPatternRows local_binary_pattern_rows{circle, sphere};

}  // namespace cormack::CORMACK_ISA
