#include "filters/correlate.hpp"

#include "core/check.hpp"
#include "core/unit_rows.hpp"
#include "filters/tap_passes.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kPixelsPerRange = 16384;

template <class T>
void run_axes(const View<const T>& source, const View<T>& dst, const std::array<AxisTaps, 3>& axes, bool boolean,
              Context context) {
  const UnitRows<T> unit_rows(source, context.workers);
  const TapPasses<TapWork<T>> passes(axes);
  run_rows<TapWork<T>, 1, 1>(dst, passes.plan, sizeof(T), boolean, context,
                             [&] { return TapWorker<T>(unit_rows.view(), passes); });
}

struct Tap {
  std::int64_t plane, row, column;  // from the first of the window
};

// One ring of continued rows for each plane of the window.
template <class T>
void run_window(const View<const T>& source, const View<T>& dst, const Window& window, bool boolean, Context context) {
  using Work = TapWork<T>;
  const UnitRows<T> unit_rows(source, context.workers);
  const View<const T>& src = unit_rows.view();
  const std::int64_t depth = src.shape[0], height = src.shape[1], cols = src.shape[2];
  const auto [planes, rows, columns] = window.shape;
  const TapKernels<T>& pixels = *correlate_rows().pixels.template get<T>();
  const Work outside = static_cast<Work>(window.outside), one = 1;

  Scratch<Tap> taps(planes * rows * columns);
  Scratch<Work> weights(planes * rows * columns);
  std::int64_t count = 0;
  for (std::int64_t k = 0; k < planes * rows * columns; ++k) {
    const double weight = window.weights[static_cast<std::size_t>(k)];
    if (weight == 0) continue;
    weights[count] = static_cast<Work>(weight);
    taps[count++] = {k / columns / rows, k / columns % rows, k % columns};
  }

  const std::int64_t tile = std::min(height, std::max<std::int64_t>(32, 4 * rows));
  const std::int64_t tiles = (height + tile - 1) / tile;
  const std::int64_t grain = std::max<std::int64_t>(1, kPixelsPerRange / (tile * cols));
  parallel_for(tiles * depth, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t before = window.left[2], after = columns - 1 - before, pitch = cols + columns - 1;
    Scratch<Work> ring(planes * rows * pitch);
    Scratch<const Work*> shifted(count);
    Scratch<T> gathered(dst.unit_rows() ? 0 : cols);
    const auto slot = [&](std::int64_t plane, std::int64_t y) {
      return ring.data() + (plane * rows + (y + window.left[1]) % rows) * pitch + before;
    };
    const auto fill_rings = [&](std::int64_t z, std::int64_t y) {
      const std::int64_t row = border_index(y, height, window.border[1]);
      for (std::int64_t p = 0; p < planes; ++p) {
        const std::int64_t plane = border_index(z + p - window.left[0], depth, window.border[0]);
        Work* out = slot(p, y);
        if (row < 0 || plane < 0) {
          std::fill_n(out - before, pitch, outside);
          continue;
        }
        const T* in = src.row(plane, row);
        pixels.from_pixels(out, &in, &one, 1, 0, cols);
        extend_row(out, cols, before, after, window.border[2], outside);
      }
    };
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t z = index % depth, top = index / depth * tile, bottom = std::min(height, top + tile);
      const std::int64_t first = -window.left[1], last = first + rows - 1;
      for (std::int64_t y = top + first; y < top + last; ++y) fill_rings(z, y);
      for (std::int64_t y = top; y < bottom; ++y) {
        fill_rings(z, y + last);
        for (std::int64_t k = 0; k < count; ++k)
          shifted[k] = slot(taps[k].plane, y + first + taps[k].row) - before + taps[k].column;
        T* out = dst.unit_rows() ? dst.row(z, y) : gathered.data();
        pixels.to_pixels(out, shifted.data(), weights.data(), count, 0, cols);
        if (boolean)
          for (std::int64_t x = 0; x < cols; ++x) out[x] = std::min(out[x], T{1});
        if (!dst.unit_rows())
          for (std::int64_t x = 0; x < cols; ++x) dst.at(z, y, x) = out[x];
      }
    }
  });
}

}  // namespace

namespace cpu {

void correlate_axes(const Image& src, const Image& dst, std::array<AxisTaps, 3> axes, Context context) {
  check_one_shape("correlate_axes", src, dst);
  if (src.size() == 0) return;
  if (src.ndim == 2) axes[0] = AxisTaps{};
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    run_axes<T>(src.view<const T>(), dst.view<T>(), axes, src.dtype == DType::boolean, context);
  });
}

void correlate_window(const Image& src, const Image& dst, const Window& window, Context context) {
  check_one_shape("correlate_window", src, dst);
  if (src.size() == 0) return;
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (window.left[axis] < 0 || window.left[axis] >= window.shape[axis])
      throw std::invalid_argument("correlate_window: a pixel is outside its window");
    count *= window.shape[axis];
  }
  if (count != static_cast<std::int64_t>(window.weights.size()) || (src.ndim == 2 && window.shape[0] != 1))
    throw std::invalid_argument("correlate_window: the weights do not fit the window");
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    run_window<T>(src.view<const T>(), dst.view<T>(), window, src.dtype == DType::boolean, context);
  });
}

}  // namespace cpu
}  // namespace cormack
