#include "pointwise/linear_map.hpp"

#include <cmath>
#include <limits>
#include <optional>

#include "core/check.hpp"
#include "core/saturate.hpp"
#include "core/scratch.hpp"
#include "pointwise/linear_formula.hpp"
#include "pointwise/lut_map.hpp"
#include "pointwise/map_blocks.hpp"

namespace cormack {
namespace {

// Below this the proof costs more than it saves.
constexpr std::int64_t kWorthProof = std::int64_t{1} << 18;

// The same in float32, or nothing where that would not give every value of S what float64 gives it.
template <class S, class D>
std::optional<SmallLinearFormula> small_formula(const LinearFormula& f) {
  const double lowest = std::numeric_limits<S>::min(), highest = std::numeric_limits<S>::max();
  SmallLinearFormula small{};
  small.first = static_cast<int>(std::clamp(std::floor(f.lower), lowest, highest));
  small.last = static_cast<int>(std::clamp(std::ceil(f.upper), lowest, highest));
  small.scale = static_cast<float>(f.scale);
  small.shift = static_cast<float>((small.first - f.origin) * f.scale + f.shift);
  small.low = saturate<D>(std::min(f.low, f.high));
  small.high = saturate<D>(std::max(f.low, f.high));
  const MapRows& rows = map_rows();
  alignas(64) S values[kBlockValues];
  alignas(64) double row[kBlockValues];
  alignas(64) D exact[kBlockValues], fast[kBlockValues];
  // Beyond these, the first and the last stand for the rest.
  const int begin = std::max<int>(std::numeric_limits<S>::min(), small.first - 1);
  const int end = std::min<int>(std::numeric_limits<S>::max(), small.last + 1) + 1;
  for (int at = begin; at < end; at += kBlockValues) {
    const std::int64_t n = std::min<std::int64_t>(kBlockValues, end - at);
    for (std::int64_t i = 0; i < n; ++i) values[i] = static_cast<S>(at + i);
    rows.load.template get<S>()(values, row, n);
    rows.linear(row, n, f);
    rows.store.template get<D>()(row, exact, n);
    rows.small<S>().template get<D>()(values, fast, n, small);
    if (std::memcmp(exact, fast, static_cast<std::size_t>(n) * sizeof(D)) != 0) return std::nullopt;
  }
  return small;
}

// Where float32 does not do: what float64 makes of every value.
template <class S>
void run_table(const Image& src, const Image& dst, const LinearFormula& f, Context context) {
  constexpr std::int64_t lowest = std::numeric_limits<S>::min();
  constexpr std::int64_t count = std::numeric_limits<S>::max() - lowest + 1;
  const Scratch<S> values(count);
  for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<S>(lowest + i);
  const Scratch<double> entries(count);  // large enough for any dtype
  const auto row = [](void* data, DType dtype) { return Image{data, dtype, 2, {1, 1, count}, {0, 0, 1}}; };
  map_in_float64(row(values.data(), dtype_of<S>()), row(entries.data(), dst.dtype), f.low, map_rows().linear, f,
                 {1, context.stream});
  cpu::lut_map(src, dst, entries.data(), count, lowest, context);
}

bool run_small(const Image& src, const Image& dst, const LinearFormula& f, Context context) {
  if (item_size(src.dtype) > 2 || src.size() < kWorthProof) return false;
  return dispatch(src.dtype, [&](auto s) {
    return dispatch(dst.dtype, [&](auto d) {
      using S = decltype(s);
      using D = decltype(d);
      if constexpr (sizeof(S) <= 2 && sizeof(D) > 2) {
        run_table<S>(src, dst, f, context);
        return true;
      } else if constexpr (sizeof(S) <= 2) {
        const auto small = small_formula<S, D>(f);
        if (!small) {
          run_table<S>(src, dst, f, context);
          return true;
        }
        const auto row = map_rows().small<S>().template get<D>();
        map_blocks(src.view<const S>(), dst.view<D>(), context,
                   [&](const S* values, D* results, std::int64_t n) { row(values, results, n, *small); });
        return true;
      } else {
        return false;
      }
    });
  });
}

}  // namespace

namespace cpu {

void linear_map(const Image& src, const Image& dst, const LinearMap& map, Context context) {
  check_one_shape("linear_map", src, dst);
  const LinearFormula f = linear_formula(map);
  if (run_small(src, dst, f, context)) return;
  map_in_float64(src, dst, map.low, map_rows().linear, f, context);
}

}  // namespace cpu
}  // namespace cormack
