#pragma once
// The coefficients of a threshold map, for CPU and GPU.
#include <cmath>

#include "pointwise/map_formulas.hpp"
#include "pointwise/threshold_map.hpp"

namespace cormack {

inline ThresholdFormula threshold_formula(const ThresholdMap& map) {
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
  return f;
}

}  // namespace cormack
