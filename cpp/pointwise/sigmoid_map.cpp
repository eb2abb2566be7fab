#include "pointwise/sigmoid_map.hpp"

#include <algorithm>
#include <limits>

#include "core/check.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack::cpu {

void sigmoid_map(const Image& src, const Image& dst, const SigmoidMap& map, Context context) {
  check_one_shape("sigmoid_map", src, dst);
  const SigmoidFormula f{map.center, std::max(-4.0 / map.width, -std::numeric_limits<double>::max()), map.low,
                         map.high - map.low};
  map_in_float64(src, dst, map.low, map_rows().sigmoid, f, context);
}

}  // namespace cormack::cpu
