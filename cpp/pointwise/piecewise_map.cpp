#include "pointwise/piecewise_map.hpp"

#include "core/check.hpp"
#include "core/scratch.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack::cpu {

void piecewise_map(const Image& src, const Image& dst, const double* x, const double* y, int count, Context context) {
  check_one_shape("piecewise_map", src, dst);
  if (count < 2) throw std::invalid_argument("piecewise_map: needs at least two knots");
  const Scratch<double> slope(count - 1);
  for (int i = 0; i + 1 < count; ++i) {
    if (!(x[i] < x[i + 1])) throw std::invalid_argument("piecewise_map: knots must increase");
    slope[i] = (y[i + 1] - y[i]) / (x[i + 1] - x[i]);
  }
  map_in_float64(src, dst, y[0], map_rows().piecewise, PiecewiseFormula{x, y, slope.data(), count - 1}, context);
}

}  // namespace cormack::cpu
