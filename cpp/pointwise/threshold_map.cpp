#include "pointwise/threshold_map.hpp"

#include "core/check.hpp"
#include "pointwise/map_blocks.hpp"
#include "pointwise/threshold_formula.hpp"

namespace cormack::cpu {

void threshold_map(const Image& src, const Image& dst, const ThresholdMap& map, Context context) {
  check_one_shape("threshold_map", src, dst);
  map_in_float64(src, dst, 0.0, map_rows().threshold, threshold_formula(map), context);
}

}  // namespace cormack::cpu
