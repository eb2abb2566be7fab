#pragma once
// The coefficients of a linear map, for CPU and GPU.
#include <cmath>

#include "pointwise/linear_map.hpp"
#include "pointwise/map_formulas.hpp"

namespace cormack {

inline LinearFormula linear_formula(const LinearMap& map) {
  LinearFormula f{map.lower, map.upper, map.low, map.high, map.lower, 0.0, map.low};
  if (map.lower == map.low && map.upper == map.high) {
    // A clamp: values inside stay what they are.
    f.origin = f.shift = 0.0;
    f.scale = 1.0;
    return f;
  }
  if (map.lower == map.upper) return f;
  f.scale = (map.high - map.low) / (map.upper - map.lower);
  if (!std::isfinite(f.scale)) {
    // An interval too small for its slope to be a number is a step.
    f.scale = 0.0;
    f.shift = map.high;
    return f;
  }
  // The rounded slope may lead past `high` just below `upper`.
  const auto overshoots = [&] {
    const double end = (map.upper - f.origin) * f.scale + f.shift;
    return map.high > map.low ? end > map.high : end < map.high;
  };
  for (int step = 0; step < 64 && overshoots(); ++step) f.scale = std::nextafter(f.scale, 0.0);
  return f;
}

}  // namespace cormack
