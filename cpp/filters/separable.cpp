#include "filters/separable.hpp"

#include <algorithm>

#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/separable_rows.hpp"

namespace cormack {
namespace {

// Half of a common second-level cache: the rows that neighbouring planes share stay in it.
constexpr std::int64_t kSlabBytes = 512 * 1024;
constexpr std::int64_t kPixelsPerRange = 16384;

bool is_identity(const AxisKernel& kernel) { return kernel.weights.size() == 1 && kernel.weights[0] == 1; }

template <class Work>
struct Taps {
  explicit Taps(const AxisKernel& kernel)
      : radius(static_cast<std::int64_t>(kernel.weights.size()) - 1),
        odd(kernel.odd),
        border(kernel.border),
        weights(radius + 1) {
    for (std::int64_t k = 0; k <= radius; ++k)
      weights[k] = static_cast<Work>(kernel.weights[static_cast<std::size_t>(k)]);
  }
  Work at(std::int64_t offset) const {
    return offset >= 0 ? weights[offset] : odd ? -weights[-offset] : weights[-offset];
  }

  std::int64_t radius;
  bool odd;
  Border border;
  Scratch<Work> weights;
};

// The rows of pixels around a position along one axis. Outside the image stands a row of zeros, and `offset` for it.
template <class T, class Work>
struct Neighbours {
  Neighbours(const Taps<Work>& along, std::int64_t cols)
      : taps(along), rows(2 * along.radius + 1), zeros(along.border == Border::constant ? cols : 0) {
    if (along.border == Border::constant) std::fill_n(zeros.data(), cols, T{0});
  }

  void find(const T* line, std::int64_t position, std::int64_t length, std::int64_t stride, Work cval) {
    offset = 0;
    for (std::int64_t k = -taps.radius; k <= taps.radius; ++k) {
      const std::int64_t index = border_index(position + k, length, taps.border);
      rows[k + taps.radius] = index < 0 ? zeros.data() : line + index * stride;
      if (index < 0) offset += taps.at(k) * cval;
    }
  }
  const T* const* centre() const { return rows.data() + taps.radius; }

  const Taps<Work>& taps;
  Scratch<const T*> rows;
  Scratch<T> zeros;
  Work offset = 0;
};

template <class T>
void run(const View<const T>& source, const View<T>& dst, const std::array<AxisKernel, 3>& kernels, double outside,
         bool boolean, Context context) {
  using Work = WorkOf<T>;
  const UnitRows<T> unit_rows(source, context.workers);
  const View<const T>& src = unit_rows.view();
  const std::int64_t depth = src.shape[0], height = src.shape[1], cols = src.shape[2];
  const SeparableRows& table = separable_rows();
  const SeparableKernels<T>& pixels = *table.pixels.template get<T>();
  const Work cval = static_cast<Work>(outside);

  // The first pass reads pixels: along z where z is filtered, else along y. A pass along y follows where both are; its
  // input is a ring of rows.
  const bool along_z = !is_identity(kernels[0]);
  const bool both = along_z && !is_identity(kernels[1]);
  const Taps<Work> first(kernels[along_z ? 0 : 1]), second(kernels[1]), third(kernels[2]);
  const std::int64_t overlap = both ? second.radius : 0;
  const std::int64_t window = 2 * first.radius + 1, ring_rows = 2 * overlap + 1;

  const std::int64_t slab_rows = kSlabBytes / (cols * static_cast<std::int64_t>(sizeof(T)) * window);
  const std::int64_t tile = std::min(height, std::max({slab_rows - 2 * overlap, 2 * overlap, std::int64_t{16}}));
  const std::int64_t tiles = (height + tile - 1) / tile;
  // Ranges of a few windows along z keep their slab in the cache; there should be some ranges for each thread.
  const std::int64_t along = std::clamp<std::int64_t>(tiles * depth / 16, 1, along_z ? 4 * window : 1);
  const std::int64_t grain = std::max(along, kPixelsPerRange / (tile * cols));

  parallel_for(tiles * depth, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    Neighbours<T, Work> near(first, cols);
    Scratch<Work> ring(both ? ring_rows * cols : 0);
    Scratch<const Work*> ring_order(ring_rows);
    Scratch<Work> line(cols + 2 * third.radius);
    Work* middle = line.data() + third.radius;
    Scratch<const Work*> shifted(2 * third.radius + 1);
    for (std::int64_t k = 0; k <= 2 * third.radius; ++k) shifted[k] = line.data() + k;
    Scratch<T> gathered(dst.unit_rows() ? 0 : cols);

    const auto first_pass = [&](std::int64_t z, std::int64_t y, Work* out) {
      if (along_z) near.find(src.row(0, y), z, depth, src.stride[0], cval);
      else near.find(src.row(z, 0), y, height, src.stride[1], cval);
      pixels.from_pixels[first.odd](out, near.centre(), first.weights.data(), first.radius, near.offset, cols);
    };
    const auto fill_ring = [&](std::int64_t z, std::int64_t y) {
      Work* out = ring.data() + (y + overlap) % ring_rows * cols;
      const std::int64_t row = border_index(y, height, second.border);
      if (row < 0) std::fill_n(out, cols, cval);
      else first_pass(z, row, out);
    };

    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t z = index % depth, top = index / depth * tile, bottom = std::min(height, top + tile);
      for (std::int64_t y = top - overlap; y < top + overlap; ++y) fill_ring(z, y);
      for (std::int64_t y = top; y < bottom; ++y) {
        if (both) {
          fill_ring(z, y + overlap);
          for (std::int64_t k = 0; k < ring_rows; ++k) ring_order[k] = ring.data() + (y + k) % ring_rows * cols;
          table.between<Work>(second.odd)(middle, ring_order.data() + overlap, second.weights.data(), overlap, 0, cols);
        } else {
          first_pass(z, y, middle);
        }
        extend_row(middle, cols, third.radius, third.radius, third.border, cval);
        T* out = dst.unit_rows() ? dst.row(z, y) : gathered.data();
        pixels.to_pixels[third.odd](out, shifted.data() + third.radius, third.weights.data(), third.radius, 0, cols);
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

void correlate_separable(const Image& src, const Image& dst, std::array<AxisKernel, 3> kernels, double cval,
                         Context context) {
  if (src.size() == 0) return;
  if (src.ndim == 2) kernels[0] = AxisKernel{};
  for (const AxisKernel& kernel : kernels)
    if (kernel.weights.empty()) throw std::invalid_argument("correlate_separable: a kernel has no weights");
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    run<T>(src.view<const T>(), dst.view<T>(), kernels, cval, src.dtype == DType::boolean, context);
  });
}

}  // namespace cpu
}  // namespace cormack
