#include "filters/bilateral_filter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/bilateral_filter_rows.hpp"

namespace cormack {
namespace {

// Half of a common second-level cache: what the rows of a window occupy in a tile.
constexpr std::int64_t kTileBytes = 512 * 1024;
constexpr double kTapsPerRange = 1 << 20;

// Where a row of the window lies, and its taps.
struct TapRow {
  std::int64_t z, y, half;
  double weight;
};

struct Plan {
  std::vector<TapRow> rows;  // by plane, then by row
  std::vector<std::int64_t> plane_ends;
  std::int64_t taps = 0;

  explicit Plan(const BilateralSettings& settings) {
    const auto [z_axis, y_axis, x_axis] = settings.axes;
    for (std::int64_t z = -z_axis.radius; z <= z_axis.radius; ++z) {
      for (std::int64_t y = -y_axis.radius; y <= y_axis.radius; ++y) {
        const double across = squared(z, z_axis.radius) + squared(y, y_axis.radius);
        std::int64_t half = x_axis.radius;
        // Ratios of integers whose squares add up to 1 may do so to rounding alone.
        if (settings.ball)
          while (half >= 0 && across + squared(half, x_axis.radius) > 1 + 1e-9) --half;
        if (half < 0) continue;
        rows.push_back({z, y, half, std::exp2(exponent(z, z_axis) + exponent(y, y_axis))});
        taps += 2 * half + 1;
      }
      plane_ends.push_back(static_cast<std::int64_t>(rows.size()));
    }
  }

  static double exponent(std::int64_t offset, const BilateralAxis& axis) {
    if (offset == 0) return 0;
    const double ratio = static_cast<double>(offset) / axis.sigma;
    return -0.5 * 1.4426950408889634 * ratio * ratio;
  }

 private:
  static double squared(std::int64_t offset, std::int64_t radius) {
    if (offset == 0) return 0;
    const double ratio = static_cast<double>(offset) / static_cast<double>(radius);
    return ratio * ratio;
  }
};

template <class T>
void run(const View<const T>& source, const View<T>& dst, const BilateralSettings& settings, Context context) {
  using Work = BilateralWorkOf<T>;
  const UnitRows<T> unit_rows(source, context.workers);
  const View<const T>& src = unit_rows.view();
  const auto [depth, height, cols] = src.shape;
  const auto [z_axis, y_axis, x_axis] = settings.axes;
  const Plan plan(settings);
  const BilateralRows& table = bilateral_rows();
  const auto fill = table.scale.template get<T>();
  const auto store = table.store.template get<T>();
  const auto filter = table.row<Work>();

  // Half of 1 / sigma^2 in powers of two is the square of this.
  const double scale = std::max(0.8493218002880191 / settings.sigma_intensity,
                                10 * static_cast<double>(std::numeric_limits<Work>::min()));
  constexpr double far = kBilateralFar<Work>;
  const double scaled = settings.cval * scale;
  const Work outside = static_cast<Work>(scaled > -far ? std::min(scaled, far) : -far);
  Scratch<Work> along(2 * x_axis.radius + 1);
  for (std::int64_t x = -x_axis.radius; x <= x_axis.radius; ++x)
    along[x + x_axis.radius] = static_cast<Work>(Plan::exponent(x, x_axis));

  const std::int64_t planes = 2 * z_axis.radius + 1, overlap = 2 * y_axis.radius;
  const std::int64_t pitch = cols + 2 * x_axis.radius + kBilateralSlack;
  const std::int64_t fitting = kTileBytes / (planes * pitch * static_cast<std::int64_t>(sizeof(Work)));
  const std::int64_t tile = std::min(height, std::max({fitting - overlap, overlap, std::int64_t{16}}));
  const std::int64_t tiles = (height + tile - 1) / tile, buffered = tile + overlap;
  // A range starts with a window of planes, so it should go on for some more.
  const std::int64_t ahead = std::clamp<std::int64_t>(tiles * depth / 16, 1, z_axis.radius > 0 ? 2 * planes : 1);
  const double cost = static_cast<double>(tile * cols) * static_cast<double>(plan.taps);
  const std::int64_t grain = std::max(ahead, static_cast<std::int64_t>(kTapsPerRange / cost));

  parallel_for(tiles * depth, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    // A ring of planes, each with the rows of the tile and of its surroundings.
    const Scratch<Work> ring(planes * buffered * pitch);
    std::fill_n(ring.data(), planes * buffered * pitch, Work{0});
    const Scratch<BilateralTaps<Work>> taps(static_cast<std::int64_t>(plan.rows.size()));
    const Scratch<Work> change(cols + kBilateralSlack);
    const Scratch<T> gathered(dst.unit_rows() ? 0 : cols);
    const BilateralWindow<Work> window{taps.data(), plan.plane_ends.data(),
                                       static_cast<std::int64_t>(plan.plane_ends.size()), along.data() + x_axis.radius,
                                       static_cast<Work>(1 / scale)};
    std::int64_t top = 0;
    const auto buffer = [&](std::int64_t z, std::int64_t y) {
      return ring.data() + ((z + z_axis.radius) % planes * buffered + y - top + y_axis.radius) * pitch + x_axis.radius;
    };
    const auto fill_plane = [&](std::int64_t z, std::int64_t bottom) {
      const std::int64_t from_z = border_index(z, depth, z_axis.border);
      for (std::int64_t y = top - y_axis.radius; y < bottom + y_axis.radius; ++y) {
        const std::int64_t from_y = border_index(y, height, y_axis.border);
        Work* row = buffer(z, y);
        if (from_z < 0 || from_y < 0) {
          std::fill_n(row - x_axis.radius, cols + 2 * x_axis.radius, outside);
        } else {
          fill(row, src.row(from_z, from_y), static_cast<Work>(scale), cols);
          extend_row(row, cols, x_axis.radius, x_axis.radius, x_axis.border, outside);
        }
      }
    };

    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t z = index % depth;
      top = index / depth * tile;
      const std::int64_t bottom = std::min(height, top + tile);
      if (index == begin || z == 0)
        for (std::int64_t k = -z_axis.radius; k < z_axis.radius; ++k) fill_plane(z + k, bottom);
      fill_plane(z + z_axis.radius, bottom);
      for (std::int64_t y = top; y < bottom; ++y) {
        BilateralTaps<Work>* next = taps.data();
        for (const TapRow& row : plan.rows)
          *next++ = {buffer(z + row.z, y + row.y), static_cast<Work>(row.weight), row.half};
        filter(change.data(), buffer(z, y), window, cols);
        T* out = dst.unit_rows() ? dst.row(z, y) : gathered.data();
        store(out, src.row(z, y), change.data(), cols);
        if (!dst.unit_rows())
          for (std::int64_t x = 0; x < cols; ++x) dst.at(z, y, x) = out[x];
      }
    }
  });
}

}  // namespace

namespace cpu {

void bilateral_filter(const Image& src, const Image& dst, const BilateralSettings& settings, Context context) {
  check_one_shape("bilateral_filter", src, dst);
  if (src.size() == 0) return;
  BilateralSettings used = settings;
  if (src.ndim == 2) used.axes[0] = BilateralAxis{};
  double taps = 1;
  for (const BilateralAxis& axis : used.axes) {
    if (axis.radius < 0 || !(axis.sigma > 0 || axis.radius == 0))
      throw std::invalid_argument("bilateral_filter: a radius is negative, or its sigma not positive");
    taps *= 2 * static_cast<double>(axis.radius) + 1;
  }
  if (taps > 0x1p26 || !(used.sigma_intensity > 0))
    throw std::invalid_argument("bilateral_filter: the window is too large, or sigma_intensity not positive");
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    run<T>(src.view<const T>(), dst.view<T>(), used, context);
  });
}

}  // namespace cpu
}  // namespace cormack
