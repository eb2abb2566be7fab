#include "pointwise/threshold_map.hpp"

#include <cmath>

#include "pointwise/map_blocks.hpp"

namespace cormack::cpu {

void threshold_map(const Image& src, const Image& dst, const ThresholdMap& map, Context context) {
  ThresholdFormula f{};
  f.lower = map.lower;
  f.upper = map.upper;
  f.half = map.softness / 2;
  f.inverse = map.softness > 0 ? 1 / map.softness : 0.0;
  const auto set = [](double value, double& number, bool& keep) {
    keep = std::isnan(value);
    number = keep ? 0.0 : value;
  };
  set(map.inside, f.inside, f.keep_inside);
  set(map.below, f.below, f.keep_below);
  set(map.above, f.above, f.keep_above);
  map_in_float64(src, dst, 0.0, map_rows().threshold, f, context);
}

}  // namespace cormack::cpu
