#include "filters/separable.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/separable_rows.hpp"

namespace cormack {
namespace {

// Half of a common second-level cache for the rows between z and y, half of a first-level one for the columns along z.
constexpr std::int64_t kRowsBytes = 512 * 1024;
constexpr std::int64_t kColumnsBytes = 24 * 1024;
constexpr std::int64_t kPixelsPerRange = 16384;
constexpr std::int64_t kMostPlanes = 16, kFewestPlanes = 4;
constexpr std::int64_t kRowsAtOnce = 16;

bool is_identity(const AxisKernel& kernel) { return kernel.weights.size() == 1 && kernel.weights[0] == 1; }

// One axis of the image with its kernel in working precision.
template <class Work>
struct Taps {
  Taps(const AxisKernel& kernel, std::int64_t line_length)
      : identity(is_identity(kernel)),
        odd(kernel.odd),
        radius(static_cast<std::int64_t>(kernel.weights.size()) - 1),
        border(kernel.border),
        length(line_length),
        weights(radius + 1) {
    for (std::int64_t k = 0; k <= radius; ++k)
      weights[k] = static_cast<Work>(kernel.weights[static_cast<std::size_t>(k)]);
  }

  // Positions [lowest(begin), highest(end)) are what outputs [begin, end) need: the other positions in reach continue
  // them. Those of Border::wrap lie at the far end, and are taken as if the line went on.
  std::int64_t lowest(std::int64_t begin) const {
    return border == Border::wrap ? begin - radius : std::max<std::int64_t>(0, begin - radius);
  }
  std::int64_t highest(std::int64_t end) const {
    return border == Border::wrap ? end + radius : std::min(length, end + radius);
  }
  bool outside(std::int64_t position) const {
    return border == Border::constant && (position < 0 || position >= length);
  }
  // The needed position that stands for one in reach which is not outside.
  std::int64_t needed(std::int64_t position) const {
    return border == Border::wrap ? position : border_index(position, length, border);
  }

  bool identity, odd;
  std::int64_t radius;
  Border border;
  std::int64_t length;
  Scratch<Work> weights;
};

template <class In, class Out>
struct Plan {
  using Work = WorkOf<Out>;
  View<const In> src;
  View<Out> dst;
  Taps<Work> z, y, x;
  Work cval;
  bool boolean;

  std::int64_t cols() const { return src.shape[2]; }
  // Planes that pass through the rows together: the more, the fewer times pixels are converted for the pass along z.
  std::int64_t planes() const {
    if (z.identity) return 1;
    const std::int64_t bytes = (2 * y.radius + kRowsAtOnce) * cols() * static_cast<std::int64_t>(sizeof(Work));
    return std::min(z.length, std::clamp(kRowsBytes / bytes, kFewestPlanes, kMostPlanes));
  }
};

// One thread's work on blocks of some planes and a tile of rows. Along z columns of pixels are converted and summed
// into rows, which a ring for each plane holds as long as the pass along y needs them; the pass along x follows row by
// row.
template <class In, class Out>
class Worker {
  using Work = WorkOf<Out>;

 public:
  Worker(const Plan<In, Out>& plan, std::int64_t tile)
      : plan_(plan),
        rows_(separable_rows()),
        cols_(plan.cols()),
        capacity_(std::min(tile, kRowsAtOnce) + 2 * plan.y.radius),
        margin_((std::max(plan.x.radius, kLinePadding) + 15) / 16 * 16),
        pitch_((cols_ + 15) / 16 * 16 +
               (plan.y.identity ? 2 * margin_ : 16)),  // no power of two: rows would share sets
        line_pitch_((cols_ + 15) / 16 * 16 + 2 * margin_),
        strip_(strip_of(kRowsAtOnce + 2 * plan.y.radius)),
        depth_(plan.planes() + 2 * plan.z.radius),
        columns_(std::min(cols_, strip_of(depth_))),
        ring_(plan.planes() * capacity_ * pitch_),
        column_(plan.z.identity ? 0 : depth_ * columns_),
        outside_(cols_),
        near_(std::max(depth_, kRowsAtOnce + 2 * plan.y.radius)),
        lines_(plan.y.identity ? 0 : kRowsAtOnce * line_pitch_),
        gathered_(plan.dst.unit_rows() ? 0 : cols_) {
    std::fill_n(outside_.data(), cols_, plan.cval);
  }

  void block(std::int64_t front, std::int64_t back, std::int64_t top, std::int64_t bottom) {
    const Taps<Work>& y = plan_.y;
    const std::int64_t first = y.lowest(top);
    std::int64_t filled = first;
    for (std::int64_t begin = top; begin < bottom; begin += kRowsAtOnce) {
      const std::int64_t end = std::min(bottom, begin + kRowsAtOnce);
      for (; filled < y.highest(end); ++filled) along_z(front, back, filled, (filled - first) % capacity_);
      for (std::int64_t z = front; z < back; ++z) along_y(z, z - front, begin, end, first);
    }
  }

 private:
  // How many columns of `rows` rows stay in the first-level cache, a multiple of what the loops do at once.
  static std::int64_t strip_of(std::int64_t rows) {
    const std::int64_t columns = kColumnsBytes / (rows * static_cast<std::int64_t>(sizeof(Work)));
    return std::max<std::int64_t>(1, columns / 128) * 128;
  }
  Work* ring_row(std::int64_t plane, std::int64_t slot) const {
    return ring_.data() + (plane * capacity_ + slot) * pitch_ + (plan_.y.identity ? margin_ : 0);
  }

  void along_z(std::int64_t front, std::int64_t back, std::int64_t row, std::int64_t slot) {
    const Taps<Work>& z = plan_.z;
    const ConvertRow<In, Work> convert = rows_.convert<In, Work>();
    const std::int64_t y = border_index(row, plan_.y.length, plan_.y.border);
    if (z.identity) {
      convert(ring_row(0, slot), plan_.src.row(front, y), cols_);
      return;
    }
    const std::int64_t first = z.lowest(front), last = z.highest(back);
    for (std::int64_t p = front - z.radius; p < back + z.radius; ++p)
      near_[p - front + z.radius] = z.outside(p) ? outside_.data() : column_.data() + (z.needed(p) - first) * columns_;
    for (std::int64_t x = 0; x < cols_; x += columns_) {
      const std::int64_t n = std::min(columns_, cols_ - x);
      for (std::int64_t position = first; position < last; ++position)
        convert(column_.data() + (position - first) * columns_,
                plan_.src.row(border_index(position, z.length, z.border), y) + x, n);
      for (std::int64_t plane = 0; plane < back - front; ++plane)
        rows_.rows<Work>(z.odd)(ring_row(plane, slot) + x, near_.data() + plane + z.radius, z.weights.data(), z.radius,
                                0, n);
    }
  }

  void along_y(std::int64_t z, std::int64_t plane, std::int64_t begin, std::int64_t end, std::int64_t first) {
    const Taps<Work>& y = plan_.y;
    const auto at = [&](std::int64_t position) { return ring_row(plane, (position - first) % capacity_); };
    if (y.identity) {
      for (std::int64_t row = begin; row < end; ++row) along_x(z, row, at(row));
      return;
    }
    for (std::int64_t p = begin - y.radius; p < end + y.radius; ++p)
      near_[p - begin + y.radius] = y.outside(p) ? outside_.data() : at(y.needed(p));
    // In strips of columns, whose rows stay in the first-level cache while they are summed for one output after
    // another.
    const auto line = [&](std::int64_t row) { return lines_.data() + (row - begin) * line_pitch_ + margin_; };
    for (std::int64_t x = 0; x < cols_; x += strip_)
      for (std::int64_t row = begin; row < end; ++row)
        rows_.rows<Work>(y.odd)(line(row), near_.data() + row - begin + y.radius, y.weights.data(), y.radius, x,
                                std::min(cols_, x + strip_));
    for (std::int64_t row = begin; row < end; ++row) along_x(z, row, line(row));
  }

  // line: the row, with a margin for its continuation on both sides.
  void along_x(std::int64_t z, std::int64_t y, Work* line) {
    const Taps<Work>& x = plan_.x;
    extend_row(line, cols_, x.radius, x.radius, x.border, plan_.cval);
    const bool direct = plan_.dst.unit_rows();
    Out* out = direct ? plan_.dst.row(z, y) : gathered_.data();
    rows_.line<Out>(x.odd)(out, line, x.weights.data(), x.radius, cols_);
    if (plan_.boolean)
      for (std::int64_t i = 0; i < cols_; ++i) out[i] = std::min(out[i], Out{1});
    if (!direct)
      for (std::int64_t i = 0; i < cols_; ++i) plan_.dst.at(z, y, i) = out[i];
  }

  const Plan<In, Out>& plan_;
  const SeparableRows& rows_;
  std::int64_t cols_, capacity_, margin_, pitch_, line_pitch_, strip_, depth_, columns_;
  Scratch<Work> ring_, column_, outside_;
  Scratch<const Work*> near_;
  Scratch<Work> lines_;
  Scratch<Out> gathered_;
};

template <class In, class Out>
void run(const View<const In>& source, const View<Out>& dst, const std::array<AxisKernel, 3>& kernels, double cval,
         bool boolean, Context context) {
  using Work = WorkOf<Out>;
  const UnitRows<In> unit_rows(source, context.workers);
  const View<const In>& src = unit_rows.view();
  const Plan<In, Out> plan{src,
                           dst,
                           Taps<Work>(kernels[0], src.shape[0]),
                           Taps<Work>(kernels[1], src.shape[1]),
                           Taps<Work>(kernels[2], src.shape[2]),
                           static_cast<Work>(cval),
                           boolean};
  const std::int64_t depth = src.shape[0], height = src.shape[1], planes = plan.planes();
  const std::int64_t blocks = (depth + planes - 1) / planes;
  // A tile starts with the rows above it, so it should go on for some more; there should be some blocks for each
  // thread.
  const std::int64_t workers = context.workers > 0 ? context.workers : get_num_threads();
  const std::int64_t wanted = std::max<std::int64_t>(1, 4 * workers / blocks);
  const std::int64_t tile =
      std::min(height, std::max({(height + wanted - 1) / wanted, 4 * plan.y.radius, kRowsAtOnce}));
  const std::int64_t tiles = (height + tile - 1) / tile;
  const std::int64_t grain = std::max<std::int64_t>(1, kPixelsPerRange / (planes * tile * plan.cols()));

  parallel_for(blocks * tiles, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    Worker<In, Out> worker(plan, tile);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t front = item / tiles * planes, top = item % tiles * tile;
      worker.block(front, std::min(depth, front + planes), top, std::min(height, top + tile));
    }
  });
}

}  // namespace

namespace cpu {

void correlate_separable(const Image& src, const Image& dst, std::array<AxisKernel, 3> kernels, double cval,
                         Context context) {
  check_one_shape("correlate_separable", src, dst);
  if (src.size() == 0) return;
  if (src.ndim == 2) kernels[0] = AxisKernel{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (kernels[axis].weights.empty()) throw std::invalid_argument("correlate_separable: a kernel has no weights");
    kernels[axis] = folded(std::move(kernels[axis]), src.shape[axis]);
  }
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const View<const T> in = src.view<const T>();
    if (dst.dtype == src.dtype) run(in, dst.view<T>(), kernels, cval, src.dtype == DType::boolean, context);
    else if (dst.dtype == DType::f32) run(in, dst.view<float>(), kernels, cval, false, context);
    else run(in, dst.view<double>(), kernels, cval, false, context);
  });
}

}  // namespace cpu
}  // namespace cormack
