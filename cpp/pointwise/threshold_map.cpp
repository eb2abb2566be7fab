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
  const auto choice = [](double value) -> ThresholdFormula::Choice {
    if (std::isnan(value)) return {0, ~0ull};
    return {__builtin_bit_cast(unsigned long long, value), 0};
  };
  f.inside = choice(map.inside);
  f.below = choice(map.below);
  f.above = choice(map.above);
  map_in_float64(src, dst, 0.0, map_rows().threshold, f, context);
}

}  // namespace cormack::cpu
