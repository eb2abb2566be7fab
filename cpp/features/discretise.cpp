#include "features/discretise.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "features/level_formula.hpp"

namespace cormack {
namespace {

// Calls row(values, mask or null, levels, n) for every row, with the steps of each.
template <class T, class Row>
void over_rows(const View<const T>& image, const std::optional<View<const std::uint8_t>>& mask,
               const View<std::int32_t>& levels, Context context, const Row& row) {
  const std::int64_t height = image.shape[1], width = image.shape[2];
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, width));
  parallel_for(image.shape[0] * height, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t z = i / height, y = i % height;
      row(image.row(z, y), mask ? mask->row(z, y) : nullptr, levels.row(z, y));
    }
  });
}

template <class T, class Level>
void run(const View<const T>& image, const std::optional<View<const std::uint8_t>>& mask,
         const View<std::int32_t>& levels, Context context, const Level& level) {
  const std::int64_t n = image.shape[2], step = image.stride[2], mask_step = mask ? mask->stride[2] : 0,
                     level_step = levels.stride[2];
  const bool unit = image.unit_rows() && levels.unit_rows() && (!mask || mask->unit_rows());
  over_rows<T>(image, mask, levels, context, [&](const T* values, const std::uint8_t* inside, std::int32_t* out) {
    if (inside == nullptr) {
      for (std::int64_t x = 0; x < n; ++x) out[x * level_step] = level(values[x * step]);
    } else if (unit) {
      for (std::int64_t x = 0; x < n; ++x) out[x] = inside[x] != 0 ? level(values[x]) : 0;
    } else {
      for (std::int64_t x = 0; x < n; ++x)
        out[x * level_step] = inside[x * mask_step] != 0 ? level(values[x * step]) : 0;
    }
  });
}

template <class T>
void run(const View<const T>& image, const std::optional<View<const std::uint8_t>>& mask,
         const View<std::int32_t>& levels, const Discretisation& rule, Context context) {
  const LevelOf level{rule.lower, rule.factor, rule.width, static_cast<double>(rule.level_count - 1)};
  if constexpr (sizeof(T) <= 2) {
    const int low = static_cast<int>(rule.low), high = static_cast<int>(rule.high);
    std::vector<std::int32_t> table(static_cast<std::size_t>(high - low) + 1);
    for (int value = low; value <= high; ++value) table[static_cast<std::size_t>(value - low)] = level(value);
    run<T>(image, mask, levels, context, [low, high, table = table.data()](T value) {
      return table[std::clamp(static_cast<int>(value), low, high) - low];
    });
  } else {
    run<T>(image, mask, levels, context, [level](T value) { return level(static_cast<double>(value)); });
  }
}

}  // namespace

namespace cpu {

void discretise(const Image& image, const Image* mask, const Image& levels, const Discretisation& rule,
                Context context) {
  check_one_shape("discretise", image, levels);
  check_mask("discretise", image, mask);
  if (!(rule.low <= rule.high) || rule.level_count < 1)
    throw std::invalid_argument("discretise: no range or no levels");
  std::optional<View<const std::uint8_t>> inside;
  if (mask != nullptr) inside = mask->view<const std::uint8_t>();
  dispatch(image.dtype,
           [&](auto t) { run(image.view<const decltype(t)>(), inside, levels.view<std::int32_t>(), rule, context); });
}

}  // namespace cpu
}  // namespace cormack
