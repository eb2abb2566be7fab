#include "pointwise/tone_map.hpp"

#include "pointwise/map_blocks.hpp"

namespace cormack::cpu {

void tone_map(const Image& src, const Image& dst, const ToneMap& map, Context context) {
  const ToneRange range{map.lower, map.upper, map.origin, map.width};
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
