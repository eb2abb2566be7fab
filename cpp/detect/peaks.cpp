#include "detect/peaks.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "detect/peaks_rows.hpp"

namespace cormack {
namespace {

// Rows are found by each thread in ranges of its own, and put together in their order.
template <class F>
Places collect(const std::array<std::int64_t, 3>& shape, int workers, F&& row) {
  constexpr std::int64_t kRows = 64;
  const std::int64_t rows = shape[0] * shape[1], parts = (rows + kRows - 1) / kRows;
  std::vector<Places> found(static_cast<std::size_t>(parts));
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, shape[2] * kRows));
  std::atomic<bool> all{true};
  parallel_for(parts, grain, workers, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> flags(static_cast<std::size_t>(shape[2]) + 8);
    for (std::int64_t part = begin; part < end; ++part) {
      bool every = true;
      for (std::int64_t r = part * kRows; r < std::min(rows, (part + 1) * kRows); ++r)
        every &= row(r / shape[1], r % shape[1], flags.data(), found[static_cast<std::size_t>(part)]);
      if (!every) all = false;
    }
  });
  Places result;
  std::size_t count = 0;
  for (const Places& part : found) count += part.index.size();
  result.index.reserve(count);
  result.value.reserve(count);
  for (const Places& part : found) {
    result.index.insert(result.index.end(), part.index.begin(), part.index.end());
    result.value.insert(result.value.end(), part.value.begin(), part.value.end());
  }
  result.all = all;
  return result;
}

bool within(std::int64_t i, std::int64_t n, std::int64_t margin) { return i >= margin && i < n - margin; }

template <class T>
Places run_equal(const View<const T>& image, const View<const T>& maximum, double threshold,
                 const std::array<std::int64_t, 3>& margin, int workers) {
  const auto& shape = image.shape;
  return collect(shape, workers, [&](std::int64_t z, std::int64_t y, std::uint8_t* flags, Places& found) {
    const T *values = image.row(z, y), *top = maximum.row(z, y);
    const std::int64_t step = image.stride[2], top_step = maximum.stride[2], n = shape[2];
    std::int64_t equal;
    if (step == 1 && top_step == 1) equal = peaks_rows().equal.template get<T>()(values, top, n, flags);
    else {
      equal = 0;
      for (std::int64_t x = 0; x < n; ++x) equal += flags[x] = values[x * step] == top[x * top_step];
    }
    if (equal == 0 || !within(z, shape[0], margin[0]) || !within(y, shape[1], margin[1])) return equal == n;
    for (std::int64_t x = margin[2]; x < n - margin[2]; ++x) {
      const double value = static_cast<double>(values[x * step]);
      if (!flags[x] || !(value > threshold)) continue;
      found.index.push_back((z * shape[1] + y) * n + x);
      found.value.push_back(value);
    }
    return equal == n;
  });
}

// Whether no value of the 3 x 3 x 3 voxels around (z, y, x) is above `value`, or NaN.
template <class T>
bool dominates(const View<const T>& image, std::int64_t z, std::int64_t y, std::int64_t x, T value) {
  const auto& shape = image.shape;
  for (std::int64_t k = std::max<std::int64_t>(0, z - 1); k <= std::min(shape[0] - 1, z + 1); ++k) {
    for (std::int64_t j = std::max<std::int64_t>(0, y - 1); j <= std::min(shape[1] - 1, y + 1); ++j) {
      const T* row = image.row(k, j);
      for (std::int64_t i = std::max<std::int64_t>(0, x - 1); i <= std::min(shape[2] - 1, x + 1); ++i)
        if (!(row[i] <= value)) return false;
    }
  }
  return true;
}

template <class T>
Places run_scale(const View<const T>& centre, const View<const T>* below, const View<const T>* above, double threshold,
                 const std::array<std::int64_t, 3>& margin, int workers) {
  const auto& shape = centre.shape;
  const auto candidates = peaks_rows().candidates.template get<T>();
  return collect(shape, workers, [&](std::int64_t z, std::int64_t y, std::uint8_t* flags, Places& found) {
    if (!within(z, shape[0], margin[0]) || !within(y, shape[1], margin[1])) return false;
    const std::int64_t n = shape[2];
    const T* row = centre.row(z, y);
    // Neighbours that do not exist are the row itself.
    const T *up = y > 0 ? centre.row(z, y - 1) : row, *down = y + 1 < shape[1] ? centre.row(z, y + 1) : row;
    const T *front = z > 0 ? centre.row(z - 1, y) : row, *back = z + 1 < shape[0] ? centre.row(z + 1, y) : row;
    if (candidates(row, up, down, front, back, n, threshold, flags) == 0) return false;
    for (std::int64_t x = margin[2]; x < n - margin[2]; ++x) {
      if (!flags[x]) continue;
      const T value = row[x];
      if (!dominates(centre, z, y, x, value) || (below != nullptr && !dominates(*below, z, y, x, value)) ||
          (above != nullptr && !dominates(*above, z, y, x, value)))
        continue;
      found.index.push_back((z * shape[1] + y) * n + x);
      found.value.push_back(static_cast<double>(value));
    }
    return false;
  });
}

void check_margin(const std::array<std::int64_t, 3>& margin) {
  for (const std::int64_t side : margin)
    if (side < 0) throw std::invalid_argument("cormack: a margin must not be negative");
}

}  // namespace

namespace cpu {

Places equal_places(const Image& image, const Image& maximum, double threshold, std::array<std::int64_t, 3> margin,
                    Context context) {
  check_one_shape("equal_places", image, maximum);
  check_margin(margin);
  return dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    return run_equal(image.view<const T>(), maximum.view<const T>(), threshold, margin, context.workers);
  });
}

Places scale_maxima(const Image& centre, const Image* below, const Image* above, double threshold,
                    std::array<std::int64_t, 3> margin, Context context) {
  if (below != nullptr) check_one_shape("scale_maxima", centre, *below);
  if (above != nullptr) check_one_shape("scale_maxima", centre, *above);
  check_margin(margin);
  const auto run = [&](auto t) {
    using T = decltype(t);
    View<const T> low, high;
    if (below != nullptr) low = below->view<const T>();
    if (above != nullptr) high = above->view<const T>();
    return run_scale(centre.view<const T>(), below != nullptr ? &low : nullptr, above != nullptr ? &high : nullptr,
                     threshold, margin, context.workers);
  };
  return centre.dtype == DType::f32 ? run(float{}) : run(double{});
}

}  // namespace cpu
}  // namespace cormack
