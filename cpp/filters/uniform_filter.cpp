#include "filters/uniform_filter.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/uniform_filter_rows.hpp"

namespace cormack {
namespace {

// A quarter to half of a common second-level cache.
constexpr std::int64_t kTileBytes = 384 * 1024;
constexpr std::int64_t kPixelsPerRange = 32768;
constexpr std::int64_t kShortestRun = 64;
// Sums of larger floating numbers do not slide: what is left of them would show between small ones.
constexpr double kLargestThatSlides = 1e20;
constexpr std::int64_t kLargestSize = std::int64_t{1} << 31;

// How sums along an axis advance. `direct` adds the window anew; `slide` adds what enters and subtracts what leaves,
// and where that rounds it starts anew after every run of positions; `blocks` joins the end of one block with the start
// of the next one, and never subtracts.
enum class Method { direct, slide, blocks };
enum class Sums { exact, rounded, careful };

struct Axis : UniformAxis {
  Axis(const UniformAxis& axis, std::int64_t image_length, Sums sums, bool narrow)
      : UniformAxis(axis), length(image_length), run(sums == Sums::rounded ? std::max(kShortestRun, size) : length) {
    // Below these sizes adding anew is faster.
    if (size <= (sums != Sums::exact ? 8 : narrow ? 5 : 3)) method = Method::direct;
    else method = sums == Sums::careful ? Method::blocks : Method::slide;
  }
  // Where position i stands in the image; -1 for a pixel of value `cval`.
  std::int64_t index(std::int64_t i) const { return border_index(i, length, border); }
  std::int64_t first(std::int64_t i) const { return i - left; }
  std::int64_t last(std::int64_t i) const { return i - left + size - 1; }

  std::int64_t length, run;
  Method method;
};

// Blocks start at multiples of the size: where a window starts decides its sum, not where a tile starts.
std::pair<std::int64_t, std::int64_t> block_and_offset(std::int64_t position, std::int64_t size) {
  const std::int64_t offset = (position % size + size) % size;
  return {position - offset, offset};
}

template <class T, class Sum>
struct Plan {
  View<const T> src;
  View<std::byte> dst;  // strides in bytes
  std::int64_t item;    // bytes of a result
  Axis z, y, x;
  Sum cval;
  Mean mean;
  StoreMeans<Sum> store;
  bool boolean;
  Sum limit;  // of the magnitude of sums; 0: none
  const UniformKernels<T, Sum>& kernels;

  std::int64_t cols() const { return src.shape[2]; }
  bool unit_rows() const { return dst.stride[2] == item || cols() <= 1; }
  // Rows of sums along z are kept where the pass along y reads them several times or overwrites them.
  bool keeps_sums() const { return z.size > 1 || y.method == Method::blocks; }
  std::int64_t tile_height() const {
    const std::int64_t sums = keeps_sums() ? (z.method == Method::blocks ? z.size + 2 : 1) : 0;
    const std::int64_t pixels = z.method == Method::direct ? z.size : 2;
    const auto bytes =
        cols() * (sums * static_cast<std::int64_t>(sizeof(Sum)) + pixels * static_cast<std::int64_t>(sizeof(T)));
    const std::int64_t overlap = y.size - 1;
    const std::int64_t rows = std::max({kTileBytes / bytes - overlap, 2 * overlap, std::int64_t{16}});
    // A tile starts a run, whatever its height.
    const bool runs = y.method == Method::slide && y.run < y.length;
    return std::min(y.length, runs ? (rows + y.run - 1) / y.run * y.run : rows);
  }
};

// One thread's work on tiles: a tile is a range of rows, its planes come one after the other.
template <class T, class Sum>
class Worker {
 public:
  Worker(const Plan<T, Sum>& plan, std::int64_t tile_height)
      : plan_(plan),
        cols_(plan.cols()),
        capacity_(tile_height + plan.y.size - 1),
        sums_(plan.keeps_sums() ? capacity_ * cols_ : 0),
        ends_(plan.z.method == Method::blocks ? capacity_ * cols_ * plan.z.size : 0),
        starts_(plan.z.method == Method::blocks ? capacity_ * cols_ : 0),
        pixel_rows_(std::max(plan.z.size, plan.y.size)),
        sum_rows_(plan.y.size),
        zeros_(capacity_ * cols_),
        column_sums_(cols_),
        line_(cols_ + plan.x.size - 1),
        work_(cols_ + plan.x.size),
        result_(cols_),
        pixels_(plan.unit_rows() ? 0 : cols_ * plan.item) {
    if (plan.z.border == Border::constant || plan.y.border == Border::constant)
      std::fill_n(zeros_.data(), capacity_ * cols_, T{0});
  }

  void begin_tile(std::int64_t top, std::int64_t bottom) {
    top_ = top;
    bottom_ = bottom;
    rows_ = bottom - top + plan_.y.size - 1;
    started_ = false;
  }

  // Returns false where a sum reached the limit; the plane is then incomplete.
  bool plane(std::int64_t z) {
    if (plan_.keeps_sums()) {
      sum_along_z(z);
      sum_along_y(plan_.kernels.sums, z, sum_rows_.data(),
                  [&](std::int64_t y) { return Row<Sum>{sums_row(y - plan_.y.first(top_)), 0}; });
    } else {
      sum_along_y(plan_.kernels.pixels, z, pixel_rows_.data(),
                  [&](std::int64_t y) { return pixel_row(z, plan_.y.index(y)); });
    }
    started_ = true;
    return below_;
  }

 private:
  // A row to add: outside the image zeros, with `cval` as the offset.
  template <class R>
  struct Row {
    const R* data;
    Sum offset;
  };
  Row<T> pixel_row(std::int64_t z, std::int64_t y) const {
    if (z < 0 || y < 0) return {zeros_.data(), plan_.cval};
    return {plan_.src.row(z, y), 0};
  }
  Sum* sums_row(std::int64_t row) const { return sums_.data() + row * cols_; }

  // Calls f(row of the tile, y of the image, n) for the rows inside the image, n values at once where memory has them
  // side by side; the other rows hold windows of `cval`.
  template <class F>
  void for_rows(F&& f) {
    const bool joined = plan_.src.stride[1] == cols_;
    std::int64_t row = 0;
    while (row < rows_) {
      const std::int64_t y = plan_.y.index(plan_.y.first(top_) + row);
      std::int64_t count = 1;
      if (y < 0) {
        std::fill_n(sums_row(row), cols_, plan_.cval * static_cast<Sum>(plan_.z.size));
      } else {
        while (joined && row + count < rows_ && plan_.y.index(plan_.y.first(top_) + row + count) == y + count) ++count;
        f(row, y, count * cols_);
      }
      row += count;
    }
  }

  void sum_along_z(std::int64_t z) {
    const SumRows<T, Sum>& add = plan_.kernels.pixels;
    const Axis& axis = plan_.z;
    if (axis.method == Method::blocks) return join_blocks_along_z(z);
    if (axis.method == Method::slide && started_ && z % axis.run != 0) {
      const std::int64_t in = axis.index(axis.last(z)), out = axis.index(axis.first(z) - 1);
      for_rows([&](std::int64_t row, std::int64_t y, std::int64_t n) {
        const Row<T> entering = pixel_row(in, y), leaving = pixel_row(out, y);
        add.slide(sums_row(row), entering.data, leaving.data, entering.offset - leaving.offset, n);
      });
      return;
    }
    for_rows([&](std::int64_t row, std::int64_t y, std::int64_t n) {
      Sum offset = 0;
      for (std::int64_t k = 0; k < axis.size; ++k) {
        const Row<T> pixels = pixel_row(axis.index(axis.first(z) + k), y);
        pixel_rows_[k] = pixels.data;
        offset += pixels.offset;
      }
      add.add_all(sums_row(row), pixel_rows_.data(), axis.size, offset, n);
    });
  }

  // ends_[i]: planes i .. size - 1 of a block; starts_: the planes of the next block that the window holds.
  void join_blocks_along_z(std::int64_t z) {
    const SumRows<T, Sum>& add = plan_.kernels.pixels;
    const Axis& axis = plan_.z;
    const auto [block, offset] = block_and_offset(axis.first(z), axis.size);
    const auto end_row = [&](std::int64_t i, std::int64_t row) { return ends_.data() + (i * capacity_ + row) * cols_; };
    const auto start_row = [&](std::int64_t row) { return starts_.data() + row * cols_; };
    const auto extend_start = [&](std::int64_t i) {
      const std::int64_t plane = axis.index(block + axis.size + i);
      for_rows([&](std::int64_t row, std::int64_t y, std::int64_t n) {
        const Row<T> pixels = pixel_row(plane, y);
        if (i == 0) add.add_all(start_row(row), &pixels.data, 1, pixels.offset, n);
        else add.accumulate(start_row(row), pixels.data, pixels.offset, n);
      });
    };
    if (offset == 0 || !started_) {
      for (std::int64_t i = axis.size - 1; i >= offset; --i) {
        const std::int64_t plane = axis.index(block + i);
        for_rows([&](std::int64_t row, std::int64_t y, std::int64_t n) {
          const Row<T> pixels = pixel_row(plane, y);
          if (i == axis.size - 1) add.add_all(end_row(i, row), &pixels.data, 1, pixels.offset, n);
          else add.add(end_row(i, row), end_row(i + 1, row), pixels.data, pixels.offset, n);
        });
      }
      for (std::int64_t i = 0; i < offset; ++i) extend_start(i);
    } else {
      extend_start(offset - 1);
    }
    for_rows([&](std::int64_t row, std::int64_t, std::int64_t n) {
      if (offset == 0) std::copy_n(end_row(0, row), n, sums_row(row));
      else plan_.kernels.sums.add(sums_row(row), end_row(offset, row), start_row(row), 0, n);
    });
  }

  template <class R, class RowAt>
  void sum_along_y(const SumRows<R, Sum>& add, std::int64_t z, const R** rows, RowAt row_at) {
    const Axis& axis = plan_.y;
    for (std::int64_t y = top_; y < bottom_; ++y) {
      if constexpr (std::is_same_v<R, Sum>) {
        if (axis.method == Method::blocks) {
          join_blocks_along_y(y);
          write(z, y);
          continue;
        }
      }
      Sum* sum = axis.method == Method::direct ? line() : column_sums_.data();
      if (axis.method == Method::slide && y > top_ && y % axis.run != 0) {
        const Row<R> entering = row_at(axis.last(y)), leaving = row_at(axis.first(y) - 1);
        add.slide(sum, entering.data, leaving.data, entering.offset - leaving.offset, cols_);
      } else {
        Sum offset = 0;
        for (std::int64_t k = 0; k < axis.size; ++k) {
          const Row<R> row = row_at(axis.first(y) + k);
          rows[k] = row.data;
          offset += row.offset;
        }
        add.add_all(sum, rows, axis.size, offset, cols_);
      }
      if (sum != line()) std::copy_n(sum, cols_, line());
      write(z, y);
    }
  }

  // As along z, with the ends of a block in the place of its rows, which nothing needs any more.
  void join_blocks_along_y(std::int64_t y) {
    const SumRows<Sum, Sum>& add = plan_.kernels.sums;
    const Axis& axis = plan_.y;
    const auto [block, offset] = block_and_offset(axis.first(y), axis.size);
    const auto row = [&](std::int64_t position) { return sums_row(position - axis.first(top_)); };
    const auto extend_start = [&](std::int64_t i) {
      const Sum* next = row(block + axis.size + i);
      if (i == 0) std::copy_n(next, cols_, column_sums_.data());
      else add.accumulate(column_sums_.data(), next, 0, cols_);
    };
    if (offset == 0 || y == top_) {
      for (std::int64_t i = block + axis.size - 2; i >= axis.first(y); --i)
        add.accumulate(row(i), row(i + 1), 0, cols_);
      for (std::int64_t i = 0; i < offset; ++i) extend_start(i);
    } else {
      extend_start(offset - 1);
    }
    if (offset == 0) std::copy_n(row(axis.first(y)), cols_, line());
    else add.add(line(), row(axis.first(y)), column_sums_.data(), 0, cols_);
  }

  // Where the row starts inside its continuation beyond the border.
  Sum* line() const { return line_.data() + plan_.x.left; }

  void write(std::int64_t z, std::int64_t y) {
    const Axis& axis = plan_.x;
    const Sum* sums = line();
    if (axis.size > 1) {
      const Sum outside = plan_.cval * static_cast<Sum>(plan_.z.size) * static_cast<Sum>(plan_.y.size);
      extend_row(line(), cols_, axis.left, axis.size - 1 - axis.left, axis.border, outside);
      sums = line_.data();
      if (axis.size > kWindowOfStore<Sum>) {
        plan_.kernels.windows(result_.data(), line_.data(), work_.data(), axis.size, cols_);
        sums = result_.data();
      }
    }
    if (plan_.limit > 0 && !plan_.kernels.all_below(sums, plan_.limit, cols_)) below_ = false;
    std::byte* row = plan_.dst.row(z, y);
    void* out = plan_.unit_rows() ? row : pixels_.data();
    plan_.store(out, sums, sums == line_.data() ? axis.size : 1, plan_.mean, cols_);
    if (plan_.boolean) {
      auto* flags = static_cast<std::uint8_t*>(out);
      for (std::int64_t x = 0; x < cols_; ++x) flags[x] = std::min<std::uint8_t>(flags[x], 1);
    }
    if (out != row)
      for (std::int64_t x = 0; x < cols_; ++x)
        std::memcpy(row + x * plan_.dst.stride[2], pixels_.data() + x * plan_.item,
                    static_cast<std::size_t>(plan_.item));
  }

  const Plan<T, Sum>& plan_;
  std::int64_t cols_, capacity_;
  std::int64_t top_ = 0, bottom_ = 0, rows_ = 0;
  bool below_ = true;
  bool started_ = false;  // the plane before this one was done, in this tile
  Scratch<Sum> sums_, ends_, starts_;
  Scratch<const T*> pixel_rows_;
  Scratch<const Sum*> sum_rows_;
  Scratch<T> zeros_;
  Scratch<Sum> column_sums_, line_, work_, result_;
  Scratch<std::byte> pixels_;
};

// The window's number of pixels, and a bound on the magnitude of its sum.
struct Extent {
  double count = 1, sum = 0;
};

template <class T>
Extent extent_of(const std::array<UniformAxis, 3>& axes, double cval) {
  Extent extent;
  for (const UniformAxis& axis : axes) extent.count *= static_cast<double>(axis.size);
  extent.sum = extent.count * std::max({-static_cast<double>(std::numeric_limits<T>::lowest()),
                                        static_cast<double>(std::numeric_limits<T>::max()), std::abs(cval)});
  return extent;
}

// With M N the bound on sums and N the count: a mean that is not halfway between two integers is at least 1 / (2 N)
// away from halfway. A product with the rounded inverse is off by less than 2 M u (u = 2^-24 or 2^-53), a quotient by M
// u; N odd has no means halfway, and the inverse of a power of two is exact. So the roundings below are those of the
// mean.
template <class T, class Sum>
Mean mean_of(const Extent& extent, DType result) {
  Mean mean{Mean::By::double_quotient, extent.count, 0, {}};
  // Beyond 2^62 sums are not integers, and no count is needed.
  if (extent.count < 0x1p62) mean.integer_count = static_cast<std::int64_t>(extent.count);
  if constexpr (std::is_same_v<Sum, std::uint16_t>) {
    mean.by = Mean::By::quick;
    mean.quick = QuickMean::of(static_cast<unsigned>(extent.count));
  } else if (result == DType::f32) {
    mean.by = Mean::By::double_product;
  } else if (result != DType::f64 && std::is_integral_v<T>) {
    const std::int64_t n = mean.integer_count;
    const bool product = n % 2 != 0 || (n & (n - 1)) == 0;
    if (std::is_same_v<Sum, std::int32_t> && extent.sum < 0x1p22 && product) mean.by = Mean::By::float_product;
    else if (std::is_same_v<Sum, std::int32_t> && extent.sum < 0x1p23) mean.by = Mean::By::float_quotient;
    else if (extent.sum < 0x1p51 && product) mean.by = Mean::By::double_product;
    else if (std::is_integral_v<Sum> && extent.sum >= 0x1p52) mean.by = Mean::By::integers;
  }
  return mean;
}

// Returns false where sums that may not be rounded were met; dst is then incomplete.
template <class T, class Sum>
bool run(const View<const T>& src, const Image& dst, const std::array<UniformAxis, 3>& axes, double cval,
         const Extent& extent, Sums sums, const UniformKernels<T, Sum>& kernels, Context context) {
  const auto item = static_cast<std::int64_t>(item_size(dst.dtype));
  const bool own = dst.dtype == dtype_of<T>() || dst.dtype == DType::boolean;
  const Plan<T, Sum> plan{src,
                          {static_cast<std::byte*>(dst.data),
                           dst.shape,
                           {item * dst.stride[0], item * dst.stride[1], item * dst.stride[2]}},
                          item,
                          Axis(axes[0], src.shape[0], sums, sizeof(Sum) == 2),
                          Axis(axes[1], src.shape[1], sums, sizeof(Sum) == 2),
                          Axis(axes[2], src.shape[2], sums, sizeof(Sum) == 2),
                          static_cast<Sum>(cval),
                          mean_of<T, Sum>(extent, dst.dtype),
                          kernels.store[own                       ? 0
                                        : dst.dtype == DType::f32 ? 1
                                                                  : 2],
                          dst.dtype == DType::boolean,
                          sums == Sums::rounded ? static_cast<Sum>(extent.count * kLargestThatSlides) : Sum{0},
                          kernels};
  const std::int64_t depth = plan.z.length, height = plan.y.length, tile = plan.tile_height();
  const std::int64_t tiles = (height + tile - 1) / tile;
  // A range starts with a whole window of planes, so it should go on for several more; every thread should have one.
  const std::int64_t workers = context.workers > 0 ? context.workers : get_num_threads();
  const std::int64_t items = tiles * depth;
  const std::int64_t share = std::min({8 * plan.z.size, depth, (items + workers - 1) / workers});
  const std::int64_t grain = std::max(std::clamp(items / 16, share, depth), kPixelsPerRange / (tile * plan.cols()));
  // Where a run of sums that round starts, ranges start, and nowhere else.
  const bool runs = plan.z.method == Method::slide && sums == Sums::rounded;
  const std::int64_t step = runs ? std::min(plan.z.run, depth) : 1, steps = (depth + step - 1) / step;
  std::atomic<bool> below{true};
  parallel_for(tiles * steps, (grain + step - 1) / step, context.workers, [&](std::int64_t begin, std::int64_t end) {
    Worker<T, Sum> worker(plan, tile);
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t front = index % steps * step, top = index / steps * tile;
      if (index == begin || front == 0) worker.begin_tile(top, std::min(height, top + tile));
      for (std::int64_t z = front; z < std::min(depth, front + step); ++z) {
        if (!below.load(std::memory_order_relaxed)) return;
        if (!worker.plane(z)) below.store(false, std::memory_order_relaxed);
      }
    }
  });
  return below.load();
}

}  // namespace

namespace cpu {

void uniform_filter(const Image& src, const Image& dst, std::array<UniformAxis, 3> axes, double cval, Context context) {
  check_one_shape("uniform_filter", src, dst);
  if (src.size() == 0) return;
  if (src.ndim == 2) axes[0] = UniformAxis{};
  bool outside = false;
  for (const UniformAxis& axis : axes) {
    if (axis.size < 1 || axis.size > kLargestSize || axis.left < 0 || axis.left >= axis.size)
      throw std::invalid_argument("uniform_filter: a window must hold its pixel and be at most 2^31 pixels long");
    outside = outside || axis.border == Border::constant;
  }
  if (!outside) cval = 0;
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    // A result of another integer type would be written as if it were of this one.
    if (dst.dtype != DType::f32 && dst.dtype != DType::f64) static_cast<void>(dst.view<T>());
    const UniformRows& table = uniform_rows();
    const UnitRows<T> rows(src.view<const T>(), context.workers);
    const Extent extent = extent_of<T>(axes, cval);
    const auto call = [&](const auto& kernels, Sums sums) {
      return run(rows.view(), dst, axes, cval, extent, sums, kernels, context);
    };
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      const bool bytes = std::trunc(cval) == cval && cval >= 0 && cval <= 255 && dst.dtype == src.dtype;
      if (bytes && extent.count <= 256 && QuickMean::of(static_cast<unsigned>(extent.count)).exact) {
        call(*table.narrow, Sums::exact);
        return;
      }
    }
    const bool integers = std::is_integral_v<T> && std::trunc(cval) == cval;
    if (integers && extent.sum < (sizeof(T) <= 2 ? 0x1p31 : 0x1p62)) {
      call(*table.exact.template get<T>(), Sums::exact);
      return;
    }
    const auto& kernels = *table.f64.template get<T>();
    if (integers && extent.sum < 0x1p53) call(kernels, Sums::exact);
    else if (!(std::abs(cval) < kLargestThatSlides) || !call(kernels, Sums::rounded)) call(kernels, Sums::careful);
  });
}

}  // namespace cpu
}  // namespace cormack
