#include "enhance/minmax.hpp"

#include <limits>
#include <mutex>
#include <optional>

#include "core/blocks.hpp"
#include "core/check.hpp"
#include "core/parallel.hpp"
#include "enhance/minmax_rows.hpp"

namespace cormack {
namespace {

template <class T>
MinMax run(View<const T> image, std::optional<View<const std::uint8_t>> mask, Context context) {
  if (mask) flatten_where_contiguous(image, *mask);
  else flatten_where_contiguous(image);
  using Limits = std::numeric_limits<T>;
  constexpr T top = Limits::has_infinity ? Limits::infinity() : Limits::max();
  constexpr T bottom = Limits::has_infinity ? -Limits::infinity() : Limits::min();
  const auto row = minmax_rows().row.template get<T>();
  const Blocks blocks(image.shape);
  std::mutex mutex;
  T low = top, high = bottom;
  bool has_nan = false, any = false;
  parallel_for(blocks.count(), blocks.grain(), context.workers, [&](std::int64_t begin, std::int64_t end) {
    BlockReader<T> reader(image, mask ? &*mask : nullptr);
    T own_low = top, own_high = bottom;
    bool own_nan = false, own_any = false;
    for (std::int64_t i = begin; i < end; ++i) {
      const auto values = reader.read(blocks[i]);
      own_nan |= row(values.data, values.n, &own_low, &own_high);
      own_any |= values.n > 0;
    }
    const std::lock_guard lock(mutex);
    low = std::min(low, own_low);
    high = std::max(high, own_high);
    has_nan |= own_nan;
    any |= own_any;
  });
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!any || low > high) return {infinity, -infinity, has_nan};
  // Zero is positive: which of -0 and +0 came first must not matter.
  return {static_cast<double>(low) + 0.0, static_cast<double>(high) + 0.0, has_nan};
}

}  // namespace

namespace cpu {

MinMax minmax(const Image& image, const Image* mask, Context context) {
  check_mask("minmax", image, mask);
  std::optional<View<const std::uint8_t>> inside;
  if (mask != nullptr) inside = mask->view<const std::uint8_t>();
  return dispatch(image.dtype, [&](auto t) { return run(image.view<const decltype(t)>(), inside, context); });
}

}  // namespace cpu
}  // namespace cormack
