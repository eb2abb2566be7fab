#include "filters/non_local_means.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/non_local_means_rows.hpp"

namespace cormack {
namespace {

// What a tile and its surroundings should occupy: a common second-level cache.
constexpr std::int64_t kTileBytes = 768 * 1024;
constexpr std::int64_t kTileWidth = 256;

struct Axis : NonLocalAxis {
  Axis(const NonLocalAxis& axis, std::int64_t image_length) : NonLocalAxis(axis), length(image_length) {}
  std::int64_t edge() const { return std::max<std::int64_t>(1, 2 * half); }  // of a patch
  std::int64_t first() const { return half > 0 ? 1 - half : 0; }             // of a patch's offsets
  std::int64_t reach() const { return distance + half; }                     // what a tile needs around it
  std::int64_t index(std::int64_t i) const { return border_index(i, length, border); }

  std::int64_t length;
};

template <class Work>
struct Plan {
  Axis z, y, x;
  std::int64_t tile_z, tile_y, tile_x;
  Work scale, noise, factor, cval;

  Plan(const NonLocalSettings& settings, const std::array<std::int64_t, 3>& shape)
      : z(settings.axes[0], shape[0]), y(settings.axes[1], shape[1]), x(settings.axes[2], shape[2]) {
    tile_x = std::min(x.length, kTileWidth);
    // What a tile shares with its neighbours is computed twice, so it should be longer than the shifts.
    tile_z = z.reach() > 0 ? std::min(z.length, std::max<std::int64_t>(8, 4 * z.distance)) : 1;
    const auto item = static_cast<std::int64_t>(sizeof(Work));
    const std::int64_t pixels = (tile_z + 2 * z.reach()) * pitch() * item, means = 4 * tile_z * mean_pitch() * item;
    const std::int64_t fitting = (kTileBytes - 2 * y.reach() * pixels) / (pixels + means);
    tile_y = std::min(y.length, std::max({std::int64_t{16}, 4 * y.distance, fitting}));

    // A power of two changes no bit of the result, and keeps squares far from overflow.
    constexpr double limit = sizeof(Work) == 4 ? 100 : 1000;
    const double exponent = std::clamp(std::round(std::log2(settings.h)), -limit, limit);
    const double unit = std::exp2(-exponent), h = settings.h * unit, sigma = settings.sigma * unit;
    double area = 1, voxels = 1;
    for (const Axis* axis : {&z, &y, &x}) {
      // scikit-image divides by the odd edge, and adds up one voxel less.
      area *= static_cast<double>(2 * axis->half + 1);
      voxels *= static_cast<double>(axis->edge());
    }
    scale = static_cast<Work>(unit);
    noise = static_cast<Work>(2 * sigma * sigma * voxels);
    factor = static_cast<Work>(kStepsPerE / (h * h * area));
    cval = static_cast<Work>(settings.cval) * scale;
  }

  // Rows of a tile start where registers do.
  static std::int64_t aligned(std::int64_t count) { return (count + 15) / 16 * 16; }
  std::int64_t margin() const { return aligned(x.reach()); }
  std::int64_t mean_margin() const { return aligned(x.distance); }
  std::int64_t pitch() const { return margin() + aligned(tile_x + x.reach() + kNonLocalSlack); }
  std::int64_t mean_pitch() const { return mean_margin() + aligned(tile_x + x.distance + kNonLocalSlack); }
};

// One thread's work on tiles. Coordinates are those of the tile: 0 is its first voxel.
template <class T>
class Worker {
  using Work = NonLocalWorkOf<T>;

 public:
  Worker(const Plan<Work>& plan, const View<const T>& src, const View<T>& dst)
      : plan_(plan),
        src_(src),
        dst_(dst),
        kernels_(non_local_rows().kernels<Work>()),
        rows_(plan.tile_y + 2 * plan.y.reach()),
        means_(plan.tile_z * plan.tile_y * plan.mean_pitch()),
        pixels_((plan.tile_z + 2 * plan.z.reach()) * rows_ * plan.pitch()),
        weighted_(means_),
        weights_(means_),
        parts_(2 * means_),
        squares_((2 * plan.x.distance + 1) * plan.y.edge() * plan.pitch()),
        order_(plan.y.edge()),
        sums_(plan.pitch()),
        gathered_(dst.unit_rows() ? 0 : plan.tile_x) {
    std::fill_n(pixels_.data(), (plan.tile_z + 2 * plan.z.reach()) * rows_ * plan.pitch(), Work{0});
    std::fill_n(squares_.data(), (2 * plan.x.distance + 1) * plan.y.edge() * plan.pitch(), Work{0});
    std::fill_n(sums_.data(), plan.pitch(), Work{0});
  }

  void tile(std::int64_t z, std::int64_t y, std::int64_t x) {
    origin_ = {z, y, x};
    depth_ = std::min(plan_.tile_z, plan_.z.length - z);
    height_ = std::min(plan_.tile_y, plan_.y.length - y);
    width_ = std::min(plan_.tile_x, plan_.x.length - x);
    load();
    // What a voxel weighs for itself.
    const Work own = static_cast<Work>(std::bit_cast<double>(kExponentialOfZero << 32));
    std::fill_n(weighted_.data(), means_, Work{0});
    std::fill_n(weights_.data(), means_, own);
    std::fill_n(parts_.data(), 2 * means_, Work{0});
    // A shift and its opposite compare the same patches: half of them are enough.
    for (std::int64_t shift_z = 0; shift_z <= plan_.z.distance; ++shift_z)
      for (std::int64_t shift_y = shift_z > 0 ? -plan_.y.distance : 0; shift_y <= plan_.y.distance; ++shift_y) {
        compare(shift_z, shift_y);
        // Sums of sums lose less than one long sum.
        kernels_.flush(weighted_.data(), parts_.data(), means_);
        kernels_.flush(weights_.data(), parts_.data() + means_, means_);
      }
    save();
  }

 private:
  Work* pixels(std::int64_t z, std::int64_t y) const {
    return pixels_.data() + ((z + plan_.z.reach()) * rows_ + y + plan_.y.reach()) * plan_.pitch() + plan_.margin();
  }
  std::int64_t place(std::int64_t z, std::int64_t y, std::int64_t x) const {
    return (z * plan_.tile_y + y) * plan_.mean_pitch() + plan_.mean_margin() + x;
  }
  NonLocalMean<Work> part(std::int64_t z, std::int64_t y, std::int64_t x) const {
    return {parts_.data() + place(z, y, x), parts_.data() + means_ + place(z, y, x)};
  }

  void load() {
    const auto scale = non_local_rows().scale.template get<T>();
    const std::int64_t around = plan_.x.reach(), left = std::min(around, origin_[2]);
    const std::int64_t right = std::min(around, plan_.x.length - origin_[2] - width_);
    for (std::int64_t z = -plan_.z.reach(); z < depth_ + plan_.z.reach(); ++z) {
      const std::int64_t from_z = plan_.z.index(origin_[0] + z);
      for (std::int64_t y = -plan_.y.reach(); y < height_ + plan_.y.reach(); ++y) {
        const std::int64_t from_y = plan_.y.index(origin_[1] + y);
        Work* row = pixels(z, y);
        if (from_z < 0 || from_y < 0) {
          std::fill_n(row - around, width_ + 2 * around, plan_.cval);
          continue;
        }
        const T* from = src_.row(from_z, from_y);
        scale(row - left, from + origin_[2] - left, plan_.scale, left + width_ + right);
        const auto beyond = [&](std::int64_t x) {
          const std::int64_t from_x = plan_.x.index(origin_[2] + x);
          row[x] = from_x < 0 ? plan_.cval : static_cast<Work>(from[from_x]) * plan_.scale;
        };
        for (std::int64_t x = -around; x < -left; ++x) beyond(x);
        for (std::int64_t x = width_ + right; x < width_ + around; ++x) beyond(x);
      }
    }
  }

  // All shifts with these two components. A row and the one it is compared with both gain from the comparison, where
  // they lie in the tile: first all rows before a row give to it, then it takes from those behind. This order does not
  // depend on where a tile starts.
  void compare(std::int64_t shift_z, std::int64_t shift_y) {
    for (std::int64_t z = -shift_z; z < depth_; ++z) {
      const bool here = z >= 0, there = z + shift_z < depth_;
      if (!here && !there) continue;
      std::int64_t top = here ? 0 : -shift_y, bottom = top + height_;
      if (here && there) {
        top = std::min<std::int64_t>(0, -shift_y);
        bottom = height_ - std::min<std::int64_t>(0, shift_y);
      }
      for (std::int64_t y = top + plan_.y.first(); y < top + plan_.y.first() + plan_.y.edge() - 1; ++y)
        difference(z, y, shift_z, shift_y);
      for (std::int64_t y = top; y < bottom; ++y) {
        difference(z, y + plan_.y.half, shift_z, shift_y);
        join(z, y, shift_z, shift_y, here && y >= 0 && y < height_, there && y + shift_y >= 0 && y + shift_y < height_);
      }
    }
  }

  // The range of voxels that a shift along x makes a row of the tile need.
  std::int64_t begin(std::int64_t shift) const { return -std::max<std::int64_t>(0, shift); }
  std::int64_t count(std::int64_t shift) const { return width_ + std::abs(shift); }
  std::int64_t first_shift(std::int64_t shift_z, std::int64_t shift_y) const {
    return shift_z == 0 && shift_y == 0 ? 1 : -plan_.x.distance;
  }
  Work* squares(std::int64_t y, std::int64_t shift) const {
    const std::int64_t edge = plan_.y.edge(), slot = (y + plan_.y.reach() + edge) % edge;
    return squares_.data() + ((shift + plan_.x.distance) * edge + slot) * plan_.pitch();
  }

  // A row of squared differences, added up along z.
  void difference(std::int64_t z, std::int64_t y, std::int64_t shift_z, std::int64_t shift_y) {
    const Work* a = pixels(z + plan_.z.first(), y);
    const Work* b = pixels(z + plan_.z.first() + shift_z, y + shift_y);
    const std::int64_t step = rows_ * plan_.pitch();
    for (std::int64_t shift = first_shift(shift_z, shift_y); shift <= plan_.x.distance; ++shift) {
      const std::int64_t from = begin(shift) + plan_.x.first();
      kernels_.squares(squares(y, shift), a + from, b + from + shift, step, plan_.z.edge(),
                       count(shift) + plan_.x.edge() - 1);
    }
  }

  void join(std::int64_t z, std::int64_t y, std::int64_t shift_z, std::int64_t shift_y, bool here, bool there) {
    if (!here && !there) return;
    const std::int64_t edge = plan_.y.edge();
    for (std::int64_t shift = first_shift(shift_z, shift_y); shift <= plan_.x.distance; ++shift) {
      const Work* sums = squares(y + plan_.y.first(), shift);
      if (edge > 1) {
        for (std::int64_t k = 0; k < edge; ++k) order_[k] = squares(y + plan_.y.first() + k, shift);
        kernels_.add(sums_.data(), order_.data(), edge, count(shift) + plan_.x.edge() - 1);
        sums = sums_.data();
      }
      const NonLocalWeights<Work> weights{sums, plan_.x.edge(), plan_.noise, plan_.factor};
      const std::int64_t from = begin(shift);
      const Work* a = pixels(z, y) + from;
      const Work* b = pixels(z + shift_z, y + shift_y) + from + shift;
      NonLocalMean<Work> at_a{}, at_b{};
      if (here) at_a = part(z, y, from);
      if (there) at_b = part(z + shift_z, y + shift_y, from + shift);
      if (here && there && (shift_z != 0 || shift_y != 0)) {
        kernels_.both(weights, a, b, at_a, at_b, count(shift));
      } else {
        if (here) kernels_.here(weights, a, b, at_a, at_b, count(shift));
        if (there) kernels_.there(weights, a, b, at_a, at_b, count(shift));
      }
    }
  }

  void save() {
    const auto store = non_local_rows().store.template get<T>();
    const bool direct = dst_.unit_rows();
    for (std::int64_t z = 0; z < depth_; ++z) {
      for (std::int64_t y = 0; y < height_; ++y) {
        const std::int64_t to_z = origin_[0] + z, to_y = origin_[1] + y, to_x = origin_[2];
        T* out = direct ? dst_.row(to_z, to_y) + to_x : gathered_.data();
        store(out, src_.row(to_z, to_y) + to_x, {weighted_.data() + place(z, y, 0), weights_.data() + place(z, y, 0)},
              1 / plan_.scale, width_);
        if (!direct)
          for (std::int64_t x = 0; x < width_; ++x) dst_.at(to_z, to_y, to_x + x) = out[x];
      }
    }
  }

  const Plan<Work>& plan_;
  const View<const T>& src_;
  const View<T>& dst_;
  const NonLocalKernels<Work>& kernels_;
  std::int64_t rows_, means_;
  std::array<std::int64_t, 3> origin_{};
  std::int64_t depth_ = 0, height_ = 0, width_ = 0;
  Scratch<Work> pixels_, weighted_, weights_;
  Scratch<Work> parts_;    // of both, from the shifts along one row
  Scratch<Work> squares_;  // rings of rows, one for each shift along x
  Scratch<const Work*> order_;
  Scratch<Work> sums_;
  Scratch<T> gathered_;
};

template <class T>
void run(const View<const T>& source, const View<T>& dst, const NonLocalSettings& settings, Context context) {
  const UnitRows<T> unit_rows(source, context.workers);
  const View<const T>& src = unit_rows.view();
  const Plan<NonLocalWorkOf<T>> plan(settings, src.shape);
  const auto tiles = [](std::int64_t length, std::int64_t tile) { return (length + tile - 1) / tile; };
  const std::int64_t along_y = tiles(plan.y.length, plan.tile_y), along_x = tiles(plan.x.length, plan.tile_x);
  const std::int64_t all = tiles(plan.z.length, plan.tile_z) * along_y * along_x;
  parallel_for(all, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    Worker<T> worker(plan, src, dst);
    for (std::int64_t i = begin; i < end; ++i)
      worker.tile(i / along_x / along_y * plan.tile_z, i / along_x % along_y * plan.tile_y, i % along_x * plan.tile_x);
  });
}

}  // namespace

namespace cpu {

void non_local_means(const Image& src, const Image& dst, const NonLocalSettings& settings, Context context) {
  check_one_shape("non_local_means", src, dst);
  if (src.size() == 0) return;
  NonLocalSettings used = settings;
  if (src.ndim == 2) used.axes[0] = NonLocalAxis{};
  double shifts = 1, patch = 1;
  for (const NonLocalAxis& axis : used.axes) {
    if (axis.half < 0 || axis.distance < 0) throw std::invalid_argument("non_local_means: a size is negative");
    shifts *= 2 * static_cast<double>(axis.distance) + 1;
    patch *= 2 * static_cast<double>(axis.half) + 1;
  }
  if (shifts > 0x1p26 || patch > 0x1p26) throw std::invalid_argument("non_local_means: the window is too large");
  if (!(used.h > 0) || !(used.sigma >= 0)) throw std::invalid_argument("non_local_means: h or sigma is not positive");
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    run<T>(src.view<const T>(), dst.view<T>(), used, context);
  });
}

}  // namespace cpu
}  // namespace cormack
