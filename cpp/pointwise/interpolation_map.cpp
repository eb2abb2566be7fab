#include "pointwise/interpolation_map.hpp"

#include <stdexcept>

#include "core/check.hpp"
#include "core/scratch.hpp"
#include "pointwise/interpolation_knots.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack::cpu {

void interpolation_map(const Image& src, const Image& dst, const double* x, const double* y, int count,
                       Context context) {
  check_one_shape("interpolation_map", src, dst);
  if (count < 1) throw std::invalid_argument("interpolation_map: needs at least one knot");
  Scratch<double> slope(count), below(count), above(count);
  const double inverse = prepare_knots(x, y, count, slope.data(), below.data(), above.data());
  const InterpolationFormula f{
      x, y, slope.data(), below.data(), above.data(), inverse, static_cast<double>(count - 1), x[count - 1]};
  map_in_float64(src, dst, y[0], map_rows().interpolate, f, context);
}

}  // namespace cormack::cpu
