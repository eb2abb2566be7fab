#include "pointwise/standardize_map.hpp"

#include "core/check.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack::cpu {

void standardize_map(const Image& src, const Image& dst, double center, double scale, Context context) {
  check_one_shape("standardize_map", src, dst);
  map_in_float64(src, dst, 0.0, map_rows().standardize, StandardizeFormula{center, scale}, context);
}

}  // namespace cormack::cpu
