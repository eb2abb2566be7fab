#include "detect/reflect.hpp"

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
#include "core/parallel.hpp"

namespace cormack {
namespace {

struct Position {
  std::int64_t first;  // the voxel before, and the one after it
  std::int64_t second;
  double part;  // the weight of the second
};

bool place(double at, std::int64_t n, Position& position) {
  constexpr double kSlack = 1e-6;
  const double last = static_cast<double>(n - 1);
  if (!(at >= -kSlack && at <= last + kSlack)) return false;
  const double inside = std::clamp(at, 0.0, last), below = std::floor(inside);
  position.first = static_cast<std::int64_t>(below);
  position.second = std::min(position.first + 1, n - 1);
  position.part = inside - below;
  // Whole voxels are met exactly, whatever stands beside them.
  if (position.part < kSlack) position.second = position.first;
  if (position.part > 1 - kSlack) position.first = position.second;
  return true;
}

double mix(double a, double b, double part) { return a + part * (b - a); }

template <class T, class Out>
void run(const View<const T>& src, const View<Out>& dst, const Mirror& mirror, Out outside, int workers) {
  const std::int64_t depth = dst.shape[0], height = dst.shape[1], width = dst.shape[2];
  const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, width));
  parallel_for(depth * height, grain, workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t z = row / height, y = row % height;
      const double dz = static_cast<double>(z), dy = static_cast<double>(y);
      const double at_row = mirror.side[0] * dz + mirror.side[1] * dy + mirror.offset;
      Out* to = dst.row(z, y);
      for (std::int64_t x = 0; x < width; ++x) {
        const double dx = static_cast<double>(x), f = at_row + mirror.side[2] * dx;
        Position pz, py, px;
        Out& result = to[x * dst.stride[2]];
        if (!place(dx + f * mirror.step[2], width, px) || !place(dy + f * mirror.step[1], height, py) ||
            !place(dz + f * mirror.step[0], depth, pz)) {
          result = outside;
          continue;
        }
        const auto along = [&](std::int64_t k, std::int64_t j) {
          const double first = static_cast<double>(src.at(k, j, px.first));
          return px.first == px.second ? first : mix(first, static_cast<double>(src.at(k, j, px.second)), px.part);
        };
        const auto slice = [&](std::int64_t k) {
          const double first = along(k, py.first);
          return py.first == py.second ? first : mix(first, along(k, py.second), py.part);
        };
        const double first = slice(pz.first);
        result = static_cast<Out>(pz.first == pz.second ? first : mix(first, slice(pz.second), pz.part));
      }
    }
  });
}

}  // namespace

namespace cpu {

void reflect(const Image& src, const Image& dst, const Mirror& mirror, double outside, Context context) {
  check_one_shape("reflect", src, dst);
  if (dst.size() == 0) return;
  dispatch(src.dtype, [&](auto t) {
    const auto view = src.view<const decltype(t)>();
    if (dst.dtype == DType::f32) run(view, dst.view<float>(), mirror, static_cast<float>(outside), context.workers);
    else run(view, dst.view<double>(), mirror, outside, context.workers);
  });
}

}  // namespace cpu
}  // namespace cormack
