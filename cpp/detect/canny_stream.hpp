#pragma once
// From pixels to Canny's strengths and gradients in one stream: rows of a few planes of smoothed pixels, and of
// gradients, are all that is kept. The caller sees each row with the strengths around it.
#include <algorithm>
#include <functional>
#include <limits>
#include <memory>

#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "detect/canny.hpp"
#include "detect/canny_rows.hpp"
#include "filters/separable_rows.hpp"

namespace cormack {

// Writes row (z, y) of the image.
template <class S>
using CannySource = std::function<void(std::int64_t z, std::int64_t y, S* row)>;

template <class S>
CannySource<S> canny_source(const Image& image, const CannyFilter& filter, int workers) {
  const bool masked = filter.mask != nullptr;
  const View<const std::uint8_t> mask = masked ? filter.mask->view<const std::uint8_t>() : View<const std::uint8_t>{};
  return dispatch(image.dtype, [&](auto pixel) -> CannySource<S> {
    using T = decltype(pixel);
    const auto rows = std::make_shared<UnitRows<T>>(image.view<const T>(), workers);
    const auto convert = separable_rows().template convert<T, S>();
    const S scale = static_cast<S>(filter.scale);
    return [rows, convert, scale, masked, mask](std::int64_t z, std::int64_t y, S* row) {
      const View<const T>& view = rows->view();
      const std::int64_t n = view.shape[2];
      convert(row, view.row(z, y), n);
      if (scale != S{1})
        for (std::int64_t x = 0; x < n; ++x) row[x] = std::max(row[x] * scale, S{-1});
      if (masked)
        for (std::int64_t x = 0; x < n; ++x) row[x] = mask.at(z, y, x) != 0 ? row[x] : S{0};
    };
  });
}

template <class S>
CannySource<S> canny_mask_source(const Image& image) {
  return [mask = image.view<const std::uint8_t>()](std::int64_t z, std::int64_t y, S* row) {
    for (std::int64_t x = 0; x < mask.shape[2]; ++x) row[x] = mask.at(z, y, x) != 0 ? S{1} : S{0};
  };
}

// What all threads share.
template <class S, class A>
struct CannyPlan {
  struct Axis {
    Axis(const CannyAxis& axis, std::int64_t extent)
        : radius(static_cast<std::int64_t>(axis.weights.size()) - 1),
          length(extent),
          border(axis.border),
          weights(radius + 1) {
      for (std::int64_t k = 0; k <= radius; ++k) weights[k] = static_cast<A>(axis.weights[static_cast<std::size_t>(k)]);
    }
    // The share of the weights that lies within the image, summed as pixels are.
    S share(std::int64_t position) const {
      const auto at = [&](std::int64_t i) { return static_cast<A>(border_index(i, length, border) < 0 ? 0 : 1); };
      A sum = at(position) * weights[0];
      for (std::int64_t k = radius; k > 0; --k) sum = sum + (at(position - k) + at(position + k)) * weights[k];
      return static_cast<S>(sum);
    }

    std::int64_t radius, length;
    Border border;
    Scratch<A> weights;
  };

  CannyPlan(const Image& image, const CannyFilter& f, int workers)
      : filter(f),
        z(f.axes[0], image.shape[0]),
        y(f.axes[1], image.shape[1]),
        x(f.axes[2], image.shape[2]),
        flat(image.ndim == 2),
        source(canny_source<S>(image, f, workers)),
        loops(canny_rows().template get<S, A>()),
        cols(image.shape[2]),
        pitch((cols + 2 * kCannySlack + 15) / 16 * 16) {
    if (f.mask != nullptr && f.corrected) mask = canny_mask_source<S>(*f.mask);
    // The 3-D kernels have the weight of the 2-D ones.
    for (std::size_t axis = 0; axis < 3; ++axis)
      factors[axis] = static_cast<A>((flat ? 1.0 : 0.25) / f.axes[axis].spacing);
  }

  const CannyFilter& filter;
  Axis z, y, x;
  bool flat;
  CannySource<S> source, mask;
  const CannyLoops<S, A>& loops;
  std::int64_t cols, pitch;
  A factors[3];
};

// Rows of scratch, with a value and more before each.
template <class S>
class CannyBuffer {
 public:
  static constexpr std::int64_t kLead = 16;
  CannyBuffer(std::int64_t rows, std::int64_t pitch) : pitch_(pitch), memory_(rows * pitch) {
    // What lies beyond the ends of rows is computed with, never used: it should be no denormal.
    std::fill_n(memory_.data(), rows * pitch, S{0});
  }
  S* operator[](std::int64_t row) const { return memory_.data() + row * pitch_ + kLead; }

 private:
  std::int64_t pitch_;
  Scratch<S> memory_;
};

// Smooths rows of one plane along y and x, in increasing order.
template <class S, class A>
class CannyPlaneSmoother {
 public:
  CannyPlaneSmoother(const CannyPlan<S, A>& plan, const CannySource<S>& source)
      : plan_(plan),
        source_(source),
        window_(2 * plan.y.radius + 1),
        ring_(window_, plan.pitch),
        line_(1, plan.pitch + 2 * (plan.x.radius + 15) / 16 * 16),
        near_(window_) {}

  void begin(std::int64_t z, std::int64_t y) {
    z_ = z;
    next_ = y - plan_.y.radius;
  }
  void row(std::int64_t y, S* out) {
    const auto& along = plan_.y;
    for (; next_ <= y + along.radius; ++next_) {
      S* row = ring_[slot(next_)];
      const std::int64_t from = border_index(next_, along.length, along.border);
      if (from < 0) std::fill_n(row, plan_.cols, S{0});
      else source_(z_, from, row);
    }
    for (std::int64_t k = -along.radius; k <= along.radius; ++k) near_[k + along.radius] = ring_[slot(y + k)];
    S* line = line_[0] + (plan_.x.radius + 15) / 16 * 16;
    plan_.loops.smooth_rows(line, near_.data() + along.radius, along.weights.data(), along.radius, plan_.cols);
    smooth_line(line, out);
  }
  // line: with room for its continuation.
  void smooth_line(S* line, S* out) const {
    const auto& along = plan_.x;
    extend_row(line, plan_.cols, along.radius, along.radius, along.border, S{0});
    plan_.loops.smooth_line(out, line, along.weights.data(), along.radius, plan_.cols);
  }
  S* line() const { return line_[0] + (plan_.x.radius + 15) / 16 * 16; }

 private:
  std::int64_t slot(std::int64_t y) const { return (y + window_) % window_; }

  const CannyPlan<S, A>& plan_;
  const CannySource<S>& source_;
  std::int64_t window_, z_ = 0, next_ = 0;
  CannyBuffer<S> ring_, line_;
  Scratch<const S*> near_;
};

// Smooths rows of a volume, for a range of y, plane after plane.
template <class S, class A>
class CannySmoother {
 public:
  CannySmoother(const CannyPlan<S, A>& plan, const CannySource<S>& source, std::int64_t most_rows)
      : plan_(plan),
        plane_(plan, source),
        window_(plan.flat ? 0 : 2 * plan.z.radius + 1),
        most_rows_(most_rows),
        planes_(window_ * most_rows, plan.pitch),
        near_(window_) {}

  // Rows [top, bottom), the first plane is z.
  void begin(std::int64_t z, std::int64_t top, std::int64_t bottom) {
    top_ = top;
    bottom_ = bottom;
    if (plan_.flat) plane_.begin(0, top);
    else next_ = z - plan_.z.radius;
  }
  void plane(std::int64_t z) {
    if (plan_.flat) return;
    for (; next_ <= z + plan_.z.radius; ++next_) {
      const std::int64_t from = border_index(next_, plan_.z.length, plan_.z.border);
      if (from >= 0) plane_.begin(from, top_);
      for (std::int64_t y = top_; y < bottom_; ++y) {
        if (from >= 0) plane_.row(y, at(next_, y));
        else std::fill_n(at(next_, y), plan_.cols, S{0});
      }
    }
    z_ = z;
  }
  // Of the plane; those of a 2-D image in increasing order.
  void row(std::int64_t y, S* out) {
    if (plan_.flat) {
      plane_.row(y, out);
      return;
    }
    const std::int64_t radius = plan_.z.radius;
    for (std::int64_t k = -radius; k <= radius; ++k) near_[k + radius] = at(z_ + k, y);
    plan_.loops.smooth_rows(out, near_.data() + radius, plan_.z.weights.data(), radius, plan_.cols);
  }
  CannyPlaneSmoother<S, A>& lines() { return plane_; }

 private:
  S* at(std::int64_t z, std::int64_t y) const { return planes_[(z + window_) % window_ * most_rows_ + y - top_]; }

  const CannyPlan<S, A>& plan_;
  CannyPlaneSmoother<S, A> plane_;
  std::int64_t window_, most_rows_, z_ = 0, next_ = 0, top_ = 0, bottom_ = 0;
  CannyBuffer<S> planes_;
  Scratch<const S*> near_;
};

// The smoothed image, divided by what of the window lay within the image and its mask.
template <class S, class A>
class CannyImage {
 public:
  CannyImage(const CannyPlan<S, A>& plan, std::int64_t most_rows)
      : plan_(plan), image_(plan, plan.source, most_rows), share_(2, plan.pitch) {
    if (plan.mask) mask_ = std::make_unique<CannySmoother<S, A>>(plan, plan.mask, most_rows);
  }

  void begin(std::int64_t z, std::int64_t top, std::int64_t bottom) {
    image_.begin(z, top, bottom);
    if (mask_) mask_->begin(z, top, bottom);
  }
  void plane(std::int64_t z) {
    z_ = z;
    image_.plane(z);
    if (mask_) mask_->plane(z);
  }
  // Continued by one value on each side.
  void row(std::int64_t y, S* out) {
    image_.row(y, out);
    if (plan_.filter.corrected) {
      S* share = share_[0];
      if (mask_) {
        mask_->row(y, share);
        for (std::int64_t x = 0; x < plan_.cols; ++x) share[x] += std::numeric_limits<S>::epsilon();
      } else {
        share = share_of_window(y);
      }
      plan_.loops.divide(out, share, plan_.cols);
    }
    out[-1] = out[0];
    out[plan_.cols] = out[plan_.cols - 1];
  }

 private:
  // Without a mask rows differ by their distance from the border alone.
  S* share_of_window(std::int64_t y) {
    const S along_y = plan_.y.share(y), along_z = plan_.flat ? S{1} : plan_.z.share(z_);
    if (known_ && along_y == along_y_ && along_z == along_z_) return share_[1];
    known_ = true;
    along_y_ = along_y;
    along_z_ = along_z;
    S* line = image_.lines().line();
    std::fill_n(line, plan_.cols, along_y);
    image_.lines().smooth_line(line, share_[1]);
    for (std::int64_t x = 0; x < plan_.cols; ++x) {
      share_[1][x] = share_[1][x] * along_z + std::numeric_limits<S>::epsilon();
    }
    return share_[1];
  }

  const CannyPlan<S, A>& plan_;
  CannySmoother<S, A> image_;
  std::unique_ptr<CannySmoother<S, A>> mask_;
  CannyBuffer<S> share_;
  std::int64_t z_ = 0;
  bool known_ = false;
  S along_y_ = 0, along_z_ = 0;
};

// A row with the strengths around it, strength[dz + 1][dy + 1], and its gradient (z, y, x). What lies beyond the image
// is null; of a 2-D image strength[0] and [2] are, and the gradient along z.
template <class S>
struct CannyRow {
  std::int64_t z, y;
  const S* strength[3][3];
  const S* gradient[3];
};

// Calls use(row) for rows [top, bottom) of planes [front, back).
template <class S, class A>
class CannyStream {
 public:
  CannyStream(const CannyPlan<S, A>& plan, std::int64_t most_rows)
      : plan_(plan),
        most_rows_(plan.flat ? 1 : most_rows + 4),
        image_(plan, most_rows_),
        smoothed_(plan.flat ? 3 : 3 * most_rows_, plan.pitch),
        along_(3, plan.pitch),
        joined_(6, plan.pitch),
        lines_(3, plan.pitch),
        gradients_(4 * 3 * most_rows_, plan.pitch) {}

  template <class Use>
  void run(std::int64_t front, std::int64_t back, std::int64_t top, std::int64_t bottom, Use&& use) {
    if (plan_.flat) run_2d(top, bottom, use);
    else run_3d(front, back, top, bottom, use);
  }

 private:
  template <class Use>
  void run_2d(std::int64_t top, std::int64_t bottom, Use& use) {
    const std::int64_t height = plan_.y.length;
    const std::int64_t first = std::max<std::int64_t>(0, top - 1), last = std::min(height, bottom + 1);
    const std::int64_t start = std::max<std::int64_t>(0, first - 1);
    image_.begin(0, start, height);
    image_.plane(0);
    const auto slot = [&](std::int64_t y) { return std::clamp<std::int64_t>(y, 0, height - 1) % 3; };
    std::int64_t next = start;
    for (std::int64_t y = first; y < last; ++y) {
      for (; next <= std::min(y + 1, height - 1); ++next) {
        image_.row(next, smoothed_[slot(next)]);
        plan_.loops.difference(along_[slot(next)], smoothed_[slot(next)], plan_.cols);
      }
      const S* along[3] = {along_[slot(y - 1)], along_[slot(y)], along_[slot(y + 1)]};
      S* const g[3] = {gradient(0, y, 0), gradient(0, y, 2), gradient(0, y, 3)};
      plan_.loops.gradient_2d(g, lines_[0], along + 1, smoothed_[slot(y - 1)], smoothed_[slot(y + 1)], plan_.factors,
                              plan_.cols);
      if (y - 1 >= top) emit_2d(y - 1, use);
    }
    if (last - 1 < bottom) emit_2d(last - 1, use);
  }
  template <class Use>
  void emit_2d(std::int64_t y, Use& use) {
    CannyRow<S> row{0, y, {}, {nullptr, gradient(0, y, 2), gradient(0, y, 3)}};
    for (std::int64_t dy = -1; dy <= 1; ++dy) {
      const bool inside = y + dy >= 0 && y + dy < plan_.y.length;
      row.strength[1][dy + 1] = inside ? gradient(0, y + dy, 0) : nullptr;
    }
    use(row);
  }

  template <class Use>
  void run_3d(std::int64_t front, std::int64_t back, std::int64_t top, std::int64_t bottom, Use& use) {
    const std::int64_t depth = plan_.z.length, height = plan_.y.length;
    const std::int64_t first = std::max<std::int64_t>(0, front - 1), last = std::min(depth, back + 1);
    const std::int64_t start = std::max<std::int64_t>(0, first - 1);
    gradient_top_ = std::max<std::int64_t>(0, top - 1);
    const std::int64_t gradient_bottom = std::min(height, bottom + 1);
    smoothed_top_ = std::max<std::int64_t>(0, gradient_top_ - 1);
    const std::int64_t smoothed_bottom = std::min(height, gradient_bottom + 1);
    image_.begin(start, smoothed_top_, smoothed_bottom);
    std::int64_t next = start;
    for (std::int64_t z = first; z < last; ++z) {
      for (; next <= std::min(z + 1, depth - 1); ++next) {
        image_.plane(next);
        for (std::int64_t y = smoothed_top_; y < smoothed_bottom; ++y) image_.row(y, smoothed(next, y));
      }
      gradients(z, gradient_bottom);
      if (z - 1 >= front) emit_3d(z - 1, top, bottom, use);
    }
    if (last - 1 < back) emit_3d(last - 1, top, bottom, use);
  }
  void gradients(std::int64_t z, std::int64_t bottom) {
    const std::int64_t depth = plan_.z.length, height = plan_.y.length;
    const auto join = [&](std::int64_t y) {
      const S* rows[3];
      for (std::int64_t dz = -1; dz <= 1; ++dz)
        rows[dz + 1] = smoothed(std::clamp<std::int64_t>(z + dz, 0, depth - 1), y);
      plan_.loops.join_planes(joined_[y % 3], joined_[3 + y % 3], rows + 1, plan_.cols);
    };
    const auto near = [&](std::int64_t y) { return std::clamp<std::int64_t>(y, 0, height - 1) % 3; };
    std::int64_t next = smoothed_top_;
    for (std::int64_t y = gradient_top_; y < bottom; ++y) {
      for (; next <= std::min(y + 1, height - 1); ++next) join(next);
      const S *sums[3], *differences[3];
      for (std::int64_t dy = -1; dy <= 1; ++dy) {
        sums[dy + 1] = joined_[near(y + dy)];
        differences[dy + 1] = joined_[3 + near(y + dy)];
      }
      S* const g[4] = {gradient(z, y, 0), gradient(z, y, 1), gradient(z, y, 2), gradient(z, y, 3)};
      S* const lines[3] = {lines_[0], lines_[1], lines_[2]};
      plan_.loops.gradient_3d(g, lines, sums + 1, differences + 1, plan_.factors, plan_.cols);
    }
  }
  template <class Use>
  void emit_3d(std::int64_t z, std::int64_t top, std::int64_t bottom, Use& use) {
    for (std::int64_t y = top; y < bottom; ++y) {
      CannyRow<S> row{z, y, {}, {gradient(z, y, 1), gradient(z, y, 2), gradient(z, y, 3)}};
      for (std::int64_t dz = -1; dz <= 1; ++dz) {
        for (std::int64_t dy = -1; dy <= 1; ++dy) {
          const bool inside = z + dz >= 0 && z + dz < plan_.z.length && y + dy >= 0 && y + dy < plan_.y.length;
          row.strength[dz + 1][dy + 1] = inside ? gradient(z + dz, y + dy, 0) : nullptr;
        }
      }
      use(row);
    }
  }

  S* smoothed(std::int64_t z, std::int64_t y) const { return smoothed_[z % 3 * most_rows_ + y - smoothed_top_]; }
  S* gradient(std::int64_t z, std::int64_t y, int component) const {
    if (plan_.flat) return gradients_[y % 3 * 4 + component];
    return gradients_[(z % 3 * 4 + component) * most_rows_ + y - gradient_top_];
  }

  const CannyPlan<S, A>& plan_;
  std::int64_t most_rows_, smoothed_top_ = 0, gradient_top_ = 0;
  CannyImage<S, A> image_;
  CannyBuffer<S> smoothed_, along_, joined_, lines_, gradients_;
};

// Calls make()(row) for every row of the image, where make() is called once for each range of a thread.
template <class S, class A, class Make>
void canny_stream(const Image& image, const CannyFilter& filter, Context context, Make&& make) {
  const CannyPlan<S, A> plan(image, filter, context.workers);
  const std::int64_t depth = image.shape[0], height = image.shape[1];
  const std::int64_t workers = context.workers > 0 ? context.workers : get_num_threads();
  // A tile's planes stay in the second-level cache; its seams are computed twice.
  constexpr std::int64_t kTileBytes = 1024 * 1024;
  std::int64_t tile = height, slab = 1;
  if (plan.flat) {
    tile = std::max<std::int64_t>((height + 4 * workers - 1) / (4 * workers), 64);
  } else {
    const std::int64_t row_bytes = (2 * plan.z.radius + 16) * plan.pitch * static_cast<std::int64_t>(sizeof(S));
    tile = std::clamp<std::int64_t>(kTileBytes / row_bytes - 4, 16, std::max<std::int64_t>(16, height));
    const std::int64_t tiles = (height + tile - 1) / tile;
    tile = (height + tiles - 1) / tiles;
    const std::int64_t slabs = std::max<std::int64_t>(1, 4 * workers / tiles);
    slab = std::max<std::int64_t>((depth + slabs - 1) / slabs, 4 * plan.z.radius + 8);
  }
  tile = std::min(tile, height);
  const std::int64_t tiles = (height + tile - 1) / tile, slabs = (depth + slab - 1) / slab;
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / (tile * std::min(slab, depth) * plan.cols));
  parallel_for(tiles * slabs, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    CannyStream<S, A> stream(plan, tile);
    auto use = make();
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t front = item / tiles * slab, top = item % tiles * tile;
      stream.run(front, std::min(depth, front + slab), top, std::min(height, top + tile), use);
    }
  });
}

}  // namespace cormack
