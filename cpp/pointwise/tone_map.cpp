#include "pointwise/tone_map.hpp"

#include <limits>

#include "core/check.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack::cpu {

void tone_map(const Image& src, const Image& dst, const ToneMap& map, Context context) {
  check_one_shape("tone_map", src, dst);
  const ToneRange range{map.lower, map.upper, map.origin, map.width};
  if (map.curve == ToneCurve::power && map.exponent == 0) {
    constexpr double lowest = -std::numeric_limits<double>::infinity();
    const double one = map.span + map.shift;
    return map_in_float64(src, dst, map.shift, map_rows().linear,
                          LinearFormula{lowest, lowest, one, one, 0.0, 0.0, one}, context);
  }
  if (map.curve == ToneCurve::power && map.exponent == 1)
    return map_in_float64(src, dst, map.shift, map_rows().straight, StraightFormula{range, map.shift, map.span},
                          context);
  switch (map.curve) {
    case ToneCurve::power:
      return map_in_float64(src, dst, map.shift, map_rows().power,
                            PowerFormula{range, map.exponent, map.shift, map.span}, context);
    case ToneCurve::log:
      return map_in_float64(src, dst, map.shift, map_rows().log, LogFormula{range, map.shift, map.span}, context);
    case ToneCurve::exp:
      return map_in_float64(src, dst, map.shift, map_rows().exp, ExpFormula{range, map.shift, map.span}, context);
  }
  throw std::invalid_argument("tone_map: unknown curve");
}

}  // namespace cormack::cpu
