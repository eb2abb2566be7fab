#include "pointwise/interpolation_map.hpp"

#include <cmath>
#include <limits>

#include "core/scratch.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack::cpu {

void interpolation_map(const Image& src, const Image& dst, const double* x, const double* y, int count,
                       Context context) {
  if (count < 1) throw std::invalid_argument("interpolation_map: needs at least one knot");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  Scratch<double> slope(count), below(count), above(count);
  for (int i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    slope[i] = last ? 0.0 : (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
    below[i] = i == 0 ? -infinity : x[i];
    above[i] = last ? infinity : x[i + 1];
  }
  double inverse = count > 1 ? (count - 1) / (x[count - 1] - x[0]) : 0.0;
  if (!std::isfinite(inverse)) inverse = 0.0;
  const InterpolationFormula f{
      x, y, slope.data(), below.data(), above.data(), inverse, static_cast<double>(count - 1), x[count - 1]};
  map_in_float64(src, dst, y[0], map_rows().interpolate, f, context);
}

}  // namespace cormack::cpu
