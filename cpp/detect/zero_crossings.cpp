#include "detect/zero_crossings.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "detect/zero_crossings_rows.hpp"

namespace cormack::cpu {

void zero_crossings(const Image& src, const Image& dst, double threshold, Context context) {
  check_one_shape("zero_crossings", src, dst);
  if (src.size() == 0) return;
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const UnitRows<T> rows(src.view<const T>(), context.workers);
    const View<const T>& image = rows.view();
    const View<std::uint8_t> out = dst.view<std::uint8_t>();
    const std::int64_t depth = image.shape[0], height = image.shape[1], cols = image.shape[2];
    const auto mark = zero_crossing_rows().mark.template get<T>();
    const std::int64_t grain = std::max<std::int64_t>(1, 65536 / cols);
    parallel_for(depth * height, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
      Scratch<std::uint8_t> gathered(out.unit_rows() ? 0 : cols);
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t z = r / height, y = r % height;
        // Beyond the border lies the pixel itself, which has its own sign.
        const T* near[4] = {image.row(z, std::max<std::int64_t>(y - 1, 0)), image.row(z, std::min(y + 1, height - 1)),
                            image.row(std::max<std::int64_t>(z - 1, 0), y), image.row(std::min(z + 1, depth - 1), y)};
        std::uint8_t* row = out.unit_rows() ? out.row(z, y) : gathered.data();
        mark(row, image.row(z, y), near, depth > 1 ? 2 : 1, threshold, cols);
        if (!out.unit_rows())
          for (std::int64_t x = 0; x < cols; ++x) out.at(z, y, x) = row[x];
      }
    });
  });
}

}  // namespace cormack::cpu
