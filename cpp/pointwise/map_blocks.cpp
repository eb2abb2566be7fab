#include "pointwise/map_blocks.hpp"

namespace cormack {

void map_in_float64(const Image& src, const Image& dst, double nan, MapRow map, const void* formula, Context context) {
  const MapRows& rows = map_rows();
  dispatch(src.dtype, [&](auto s) {
    using S = decltype(s);
    dispatch(dst.dtype, [&](auto d) {
      using D = decltype(d);
      constexpr bool nan_needs_a_value = std::is_integral_v<D> && std::is_floating_point_v<S>;
      map_blocks(src.view<const S>(), dst.view<D>(), context, [&](const S* values, D* results, std::int64_t n) {
        alignas(64) double row[kBlockValues];
        rows.load.template get<S>()(values, row, n);
        map(formula, row, n);
        if constexpr (nan_needs_a_value) rows.replace_nan(row, n, nan);
        rows.store.template get<D>()(row, results, n);
      });
    });
  });
}

}  // namespace cormack
