#include "detect/box_hessian.hpp"

#include <algorithm>
#include <limits>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace cormack::cpu {

void box_hessian(const Image& integral, const Image* holes, const Image& dst, double sigma, Context context) {
  check_one_shape("box_hessian", integral, dst);
  if (holes != nullptr) check_one_shape("box_hessian", integral, *holes);
  const View<const double> image = integral.view<const double>();
  const View<const double> missing = holes == nullptr ? image : holes->view<const double>();
  const View<double> out = dst.view<double>();
  const std::int64_t height = out.shape[1], width = out.shape[2];
  const auto length = static_cast<std::int64_t>(3 * sigma);
  const std::int64_t half = (length - 1) / 2, third = length / 3;
  const double norm = 1.0 / static_cast<double>(length) / static_cast<double>(length);
  // The sum over a box from (y, x), both clipped to the image.
  const auto sum_of = [&](const View<const double>& source, std::int64_t y, std::int64_t x, std::int64_t rows,
                          std::int64_t columns) {
    y = std::clamp<std::int64_t>(y, 0, height - 1);
    x = std::clamp<std::int64_t>(x, 0, width - 1);
    const std::int64_t below = std::clamp<std::int64_t>(y + rows, 0, height - 1),
                       right = std::clamp<std::int64_t>(x + columns, 0, width - 1);
    const double result =
        source.row(0, y)[x] + source.row(0, below)[right] - source.row(0, y)[right] - source.row(0, below)[x];
    return result > 0 ? result : 0.0;
  };
  const auto sum = [&](std::int64_t y, std::int64_t x, std::int64_t rows, std::int64_t columns) {
    return sum_of(image, y, x, rows, columns);
  };
  const std::int64_t across = 2 * third - 1;
  const auto any_missing = [&](std::int64_t y, std::int64_t x) {
    const auto any = [&](std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t columns) {
      return sum_of(missing, row, column, rows, columns) > 0;
    };
    return any(y - third, x - third, third, third) || any(y + 1, x + 1, third, third) ||
           any(y - third, x + 1, third, third) || any(y + 1, x - third, third, third) ||
           any(y - third + 1, x - half, across, length) || any(y - half, x - third + 1, length, across);
  };
  parallel_for(height, 8, context.workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = begin; y < end; ++y) {
      double* row = out.row(0, y);
      for (std::int64_t x = 0; x < width; ++x) {
        const double corner = sum(y - third, x - third, third, third), opposite = sum(y + 1, x + 1, third, third);
        const double left = sum(y - third, x + 1, third, third), right = sum(y + 1, x - third, third, third);
        const double xy = -(left + right - corner - opposite) * norm;
        // Three boxes side by side, of which the middle one counts -2.
        const double xx =
            -(sum(y - third + 1, x - half, across, length) - 3 * sum(y - third + 1, x - third / 2, across, third)) *
            norm;
        const double yy =
            -(sum(y - half, x - third + 1, length, across) - 3 * sum(y - third / 2, x - third + 1, third, across)) *
            norm;
        row[x] = xx * yy - 0.81 * (xy * xy);
        if (holes != nullptr && any_missing(y, x)) row[x] = std::numeric_limits<double>::quiet_NaN();
      }
    }
  });
}

}  // namespace cormack::cpu
