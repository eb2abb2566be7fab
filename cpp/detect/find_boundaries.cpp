#include "detect/find_boundaries.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/unit_rows.hpp"
#include "detect/find_boundaries_rows.hpp"

namespace cormack::cpu {
namespace {

template <class T>
BoundaryRows<T> rows_around(const View<const T>& view, std::int64_t z, std::int64_t y, int connectivity) {
  BoundaryRows<T> result{};
  for (int dz = -1; dz <= 1; ++dz) {
    for (int dy = -1; dy <= 1; ++dy) {
      const int steps = std::abs(dz) + std::abs(dy);
      const bool inside = z + dz >= 0 && z + dz < view.shape[0] && y + dy >= 0 && y + dy < view.shape[1];
      if (!inside || steps > connectivity) continue;
      const int k = result.count++;
      result.rows[k] = view.row(z + dz, y + dy);
      result.straight[k] = steps > 0;
      result.diagonal[k] = steps + 1 <= connectivity;
    }
  }
  return result;
}

template <class T>
void run(const View<const T>& labels, const View<std::uint8_t>& dst, int connectivity, BoundaryMode mode,
         std::int64_t background, bool is_mask, int workers) {
  const auto row = find_boundaries_rows().row.template get<T>();
  // A mask has one object, which touches no other.
  const bool touching = mode == BoundaryMode::outer && !is_mask;
  const bool has_background = background >= std::int64_t{std::numeric_limits<T>::min()} &&
                              background <= std::int64_t{std::numeric_limits<T>::max()};
  const BoundaryPart part = !has_background || mode == BoundaryMode::thick ? BoundaryPart::all
                            : mode == BoundaryMode::inner                  ? BoundaryPart::objects
                            : touching                                     ? BoundaryPart::background_and_touching
                                                                           : BoundaryPart::background;
  const UnitRows<T> rows(labels, workers);
  const View<const T>& from = rows.view();
  const std::int64_t height = from.shape[1];
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, from.shape[2]));
  parallel_for(from.shape[0] * height, grain, workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t z = r / height, y = r % height;
      const BoundaryRow<T> one{rows_around(from, z, y, connectivity),
                               touching ? rows_around(from, z, y, 3) : BoundaryRows<T>{},
                               from.row(z, y),
                               from.shape[2],
                               has_background ? static_cast<T>(background) : T{0},
                               part,
                               connectivity == 1};
      row(one, dst.row(z, y));
    }
  });
}

}  // namespace

void find_boundaries(const Image& labels, const Image& dst, int connectivity, BoundaryMode mode,
                     std::int64_t background, Context context) {
  check_one_shape("find_boundaries", labels, dst);
  if (labels.size() == 0) return;
  if (!dst.view<std::uint8_t>().unit_rows())
    throw std::invalid_argument("find_boundaries: rows of `dst` must be contiguous");
  dispatch(labels.dtype, [&](auto value) {
    using T = decltype(value);
    if constexpr (std::is_integral_v<T>) {
      run<T>(labels.view<const T>(), dst.view<std::uint8_t>(), connectivity, mode, background,
             labels.dtype == DType::boolean, context.workers);
    } else {
      throw std::invalid_argument("find_boundaries: labels must be integers");
    }
  });
}

}  // namespace cormack::cpu
