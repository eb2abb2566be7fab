#include "segment/chan_vese.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "segment/chan_vese_rows.hpp"

namespace cormack::cpu {
namespace {

template <class T>
double run(const View<const T>& image, const View<T>& level_set, bool solid, const ChanVese& settings, int workers) {
  const auto& rows = chan_vese_rows();
  const auto step = [&rows] {
    if constexpr (std::is_same_v<T, float>) return rows.step_f32;
    else return rows.step_f64;
  }();
  const auto sums_of = [&rows] {
    if constexpr (std::is_same_v<T, float>) return rows.sums_f32;
    else return rows.sums_f64;
  }();
  const auto [depth, height, width] = image.shape;
  const std::int64_t count = depth * height, grain = std::max<std::int64_t>(1, 8192 / width);
  const double pixels = static_cast<double>(image.size());
  const Scratch<T> other(image.size());
  T *now = level_set.data, *next = other.data();
  std::vector<ChanVeseSums> sums(static_cast<std::size_t>(count));
  const auto total = [&] {
    ChanVeseSums all{};
    for (const ChanVeseSums& row : sums) {
      all.inside += row.inside;
      all.outside += row.outside;
      all.count += row.count;
      all.change += row.change;
    }
    return all;
  };
  parallel_for(count, grain, workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      sums[static_cast<std::size_t>(r)] = sums_of(image.data + r * width, now + r * width, nullptr, width);
  });
  double change = settings.tol + 1;
  for (std::int64_t i = 0; change > settings.tol && i < settings.max_num_iter; ++i) {
    const ChanVeseSums all = total();
    const double inside = all.count > 0 ? all.inside / all.count : all.inside;
    const double outside = all.count < pixels ? all.outside / (pixels - all.count) : all.outside;
    parallel_for(count, grain, workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const std::int64_t z = r / height, y = r % height;
        const auto row = [&](std::int64_t zz, std::int64_t yy) {
          return now +
                 (std::clamp<std::int64_t>(zz, 0, depth - 1) * height + std::clamp<std::int64_t>(yy, 0, height - 1)) *
                     width;
        };
        const T* values = image.data + r * width;
        T* out = next + r * width;
        step({values, row(z, y), row(z, y - 1), row(z, y + 1), solid ? row(z - 1, y) : nullptr,
              solid ? row(z + 1, y) : nullptr, out, width, static_cast<T>(settings.mu),
              static_cast<T>(settings.lambda1), static_cast<T>(settings.lambda2), static_cast<T>(settings.dt),
              static_cast<T>(inside), static_cast<T>(outside)});
        sums[static_cast<std::size_t>(r)] = sums_of(values, out, row(z, y), width);
      }
    });
    std::swap(now, next);
    change = std::sqrt(total().change / pixels);
  }
  if (now != level_set.data) std::copy(now, now + image.size(), level_set.data);
  return change;
}

}  // namespace

double chan_vese(const Image& image, const Image& level_set, const ChanVese& settings, Context context) {
  if (image.shape != level_set.shape || image.ndim != level_set.ndim || image.dtype != level_set.dtype)
    throw std::invalid_argument("chan_vese: image and level set must have one shape and dtype");
  if (image.size() == 0) return 0.0;
  const auto with = [&](auto value) {
    using T = decltype(value);
    const View<const T> values = image.view<const T>();
    const View<T> set = level_set.view<T>();
    if (!values.contiguous() || !set.contiguous())
      throw std::invalid_argument("chan_vese: image and level set must be contiguous");
    return run(values, set, image.ndim == 3, settings, context.workers);
  };
  return image.dtype == DType::f32 ? with(float{}) : with(double{});
}

}  // namespace cormack::cpu
