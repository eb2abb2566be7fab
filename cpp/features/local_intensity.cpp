#include "features/local_intensity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "features/local_intensity_rows.hpp"

namespace cormack {
namespace {

// A ball as chords along x: of half length half(dz, dy), -1 where there is none.
struct Ball {
  std::int64_t depth = 0, height = 0, width = 0;  // its radius along z, y, x in voxels
  std::vector<std::int64_t> halves;               // [|dz|][|dy|]
  std::vector<std::int64_t> lengths;              // the distinct half lengths
  std::vector<std::int64_t> number;               // of a half length among them

  Ball(const std::array<std::int64_t, 3>& shape, const std::array<double, 3>& spacing, double radius) {
    const double square = radius * radius;
    const auto reach = [&](std::size_t axis, double rest) {
      // Beyond the image's end there is nothing to reach.
      const auto most = static_cast<double>(shape[axis] - 1);
      return static_cast<std::int64_t>(std::min(most, std::floor(std::sqrt(rest) / spacing[axis])));
    };
    depth = reach(0, square);
    height = reach(1, square);
    width = reach(2, square);
    number.assign(static_cast<std::size_t>(width) + 1, -1);
    for (std::int64_t dz = 0; dz <= depth; ++dz) {
      for (std::int64_t dy = 0; dy <= height; ++dy) {
        const double z = static_cast<double>(dz) * spacing[0], y = static_cast<double>(dy) * spacing[1];
        const double rest = square - z * z - y * y;
        const std::int64_t half = rest < 0 ? -1 : reach(2, rest);
        halves.push_back(half);
        if (half < 0 || number[static_cast<std::size_t>(half)] >= 0) continue;
        number[static_cast<std::size_t>(half)] = static_cast<std::int64_t>(lengths.size());
        lengths.push_back(half);
      }
    }
  }

  std::int64_t half(std::int64_t dz, std::int64_t dy) const {
    return halves[static_cast<std::size_t>(std::abs(dz) * (height + 1) + std::abs(dy))];
  }
};

// Sums over balls around the voxels of rows [first, last) of every slice. Slices of the image are pushed one after the
// other; slice z is complete when slice z + ball.depth has been pushed, and is kept until the next push.
template <class Sum>
class BallSums {
 public:
  // `wide`: values differ so much that the differences of running sums would lose the small ones.
  BallSums(const Ball& ball, const std::array<std::int64_t, 3>& shape, std::int64_t first, std::int64_t last,
           bool wide = false)
      : ball_(ball),
        rows_(local_intensity_rows().template get<Sum>()),
        first_(first),
        last_(last),
        top_(std::max<std::int64_t>(0, first - ball.height)),
        bottom_(std::min(shape[1], last + ball.height)),
        width_((shape[2] + kChordPad - 1) / kChordPad * kChordPad),
        padded_(width_ + 2 * ball.width),
        slots_(2 * ball.depth + 1),
        chords_(static_cast<std::int64_t>(ball.lengths.size()) * (bottom_ - top_) * width_),
        sums_(slots_ * (last - first) * width_),
        row_(padded_),
        prefix_(padded_ + 1),
        disc_(width_),
        suffix_(wide ? padded_ : 0),
        wide_(wide) {
    std::fill_n(row_.data(), padded_, Sum(0));
  }

  void clear(std::int64_t z) { std::fill_n(row(z, first_), (last_ - first_) * width_, Sum(0)); }

  // load(y, dst) writes row y of the slice; targets (z, y) for which wanted(z, y) does not hold are left incomplete.
  template <class Load, class Wanted>
  void push(std::int64_t z, std::int64_t low, std::int64_t high, const Load& load, const Wanted& wanted) {
    for (std::int64_t y = top_; y < bottom_; ++y) {
      load(y, row_.data() + ball_.width);
      if (wide_) {
        for (const std::int64_t half : ball_.lengths) add_chords(half, chord(half, y));
        continue;
      }
      Sum total = 0;
      prefix_[0] = total;
      for (std::int64_t x = 0; x < padded_; ++x) prefix_[x + 1] = total += row_[x];
      for (const std::int64_t half : ball_.lengths)
        rows_.chords(prefix_.data() + ball_.width - half, 2 * half + 1, chord(half, y), width_);
    }
    std::vector<const Sum*> parts(static_cast<std::size_t>(2 * ball_.height + 1));
    for (std::int64_t dz = 0; dz <= ball_.depth; ++dz) {
      for (std::int64_t y = first_; y < last_; ++y) {
        const bool before = z - dz >= low && z - dz < high && wanted(z - dz, y);
        const bool after = dz > 0 && z + dz >= low && z + dz < high && wanted(z + dz, y);
        if (!before && !after) continue;
        std::int64_t count = 0;
        for (std::int64_t dy = std::max(-ball_.height, top_ - y); dy <= std::min(ball_.height, bottom_ - 1 - y); ++dy) {
          const std::int64_t half = ball_.half(dz, dy);
          if (half >= 0) parts[static_cast<std::size_t>(count++)] = chord(half, y + dy);
        }
        rows_.sum(parts.data(), count, disc_.data(), width_);
        if (before) rows_.add(disc_.data(), row(z - dz, y), width_);
        if (after) rows_.add(disc_.data(), row(z + dz, y), width_);
      }
    }
  }

  Sum* row(std::int64_t z, std::int64_t y) const {
    return sums_.data() + ((z % slots_) * (last_ - first_) + y - first_) * width_;
  }

 private:
  Sum* chord(std::int64_t half, std::int64_t y) const {
    return chords_.data() + (ball_.number[static_cast<std::size_t>(half)] * (bottom_ - top_) + y - top_) * width_;
  }

  // Chords as the end of one block of their length and the beginning of the next (van Herk): nothing is taken off.
  void add_chords(std::int64_t half, Sum* dst) {
    const std::int64_t length = 2 * half + 1, n = width_ + length - 1;
    const Sum* const row = row_.data() + ball_.width - half;
    for (std::int64_t x = 0; x < n; ++x) prefix_[x] = x % length == 0 ? row[x] : prefix_[x - 1] + row[x];
    for (std::int64_t x = n - 1; x >= 0; --x)
      suffix_[x] = x == n - 1 || (x + 1) % length == 0 ? row[x] : suffix_[x + 1] + row[x];
    for (std::int64_t x = 0; x < width_; ++x)
      dst[x] = x % length == 0 ? suffix_[x] : suffix_[x] + prefix_[x + length - 1];
  }

  const Ball& ball_;
  const ChordRows<Sum>& rows_;
  std::int64_t first_, last_, top_, bottom_, width_, padded_, slots_;
  Scratch<Sum> chords_, sums_, row_, prefix_, disc_, suffix_;
  bool wide_;
};

// The number of voxels of the image in the balls around one row.
class Counts {
 public:
  Counts(const Ball& ball, const std::array<std::int64_t, 3>& shape)
      : ball_(ball), shape_(shape), values_(static_cast<std::size_t>(shape[2])) {}

  const std::int64_t* row(std::int64_t z, std::int64_t y) {
    const std::int64_t above = std::min(z, ball_.depth), below = std::min(shape_[0] - 1 - z, ball_.depth),
                       left = std::min(y, ball_.height), right = std::min(shape_[1] - 1 - y, ball_.height);
    const std::array<std::int64_t, 4> clipped{above, below, left, right};
    if (clipped == clipped_) return values_.data();
    clipped_ = clipped;
    std::vector<std::int64_t> chords(ball_.lengths.size(), 0);
    for (std::int64_t dz = -above; dz <= below; ++dz) {
      for (std::int64_t dy = -left; dy <= right; ++dy) {
        const std::int64_t half = ball_.half(dz, dy);
        if (half >= 0) ++chords[static_cast<std::size_t>(ball_.number[static_cast<std::size_t>(half)])];
      }
    }
    const std::int64_t width = shape_[2];
    for (std::int64_t x = 0; x < width; ++x) {
      std::int64_t& value = values_[static_cast<std::size_t>(x)];
      if (x > ball_.width && x < width - ball_.width) {
        value = values_[static_cast<std::size_t>(x - 1)];
        continue;
      }
      value = 0;
      for (std::size_t k = 0; k < chords.size(); ++k) {
        const std::int64_t half = ball_.lengths[k];
        value += chords[k] * (std::min(half, x) + std::min(half, width - 1 - x) + 1);
      }
    }
    return values_.data();
  }

 private:
  const Ball& ball_;
  std::array<std::int64_t, 3> shape_;
  std::array<std::int64_t, 4> clipped_{-1, -1, -1, -1};
  std::vector<std::int64_t> values_;
};

bool is_finite([[maybe_unused]] double value) { return std::isfinite(value); }

struct Extent {
  bool finite = true;
  double largest = 0;  // magnitude of what is finite
};

template <class T>
Extent extent_of(const View<const T>& image, int workers) {
  if constexpr (std::is_integral_v<T>) return {};
  std::mutex mutex;
  Extent result;
  parallel_for(image.shape[0] * image.shape[1], 64, workers, [&](std::int64_t begin, std::int64_t end) {
    Extent own;
    for (std::int64_t i = begin; i < end; ++i) {
      const T* const row = image.row(i / image.shape[1], i % image.shape[1]);
      for (std::int64_t x = 0; x < image.shape[2]; ++x) {
        const double size = std::abs(static_cast<double>(row[x * image.stride[2]]));
        const bool finite = is_finite(size);
        own.finite &= finite;
        own.largest = finite && size > own.largest ? size : own.largest;
      }
    }
    const std::lock_guard lock(mutex);
    result.finite &= own.finite;
    result.largest = std::max(result.largest, own.largest);
  });
  return result;
}

template <class T>
bool has_value(const T* row, T value, std::int64_t n) {
  T found = 0;
  for (std::int64_t x = 0; x < n; ++x) found = static_cast<T>(found | static_cast<T>(row[x] == value));
  return found != 0;
}

template <class T, class Sum>
void load_row(const T* row, std::int64_t step, std::int64_t n, bool finite, Sum* dst) {
  if (step == 1 && finite) {
    for (std::int64_t x = 0; x < n; ++x) dst[x] = static_cast<Sum>(row[x]);
    return;
  }
  for (std::int64_t x = 0; x < n; ++x) {
    const T value = row[x * step];
    dst[x] = finite || is_finite(static_cast<double>(value)) ? static_cast<Sum>(value) : Sum(0);
  }
}

template <class T, class Sum>
LocalIntensity run(const View<const T>& image, const std::optional<View<const std::uint8_t>>& mask, const Ball& ball,
                   double peak, Context context) {
  constexpr std::int64_t kRows = 32, kSlices = 32;
  const std::int64_t depth = image.shape[0], height = image.shape[1], width = image.shape[2];
  const std::int64_t bands = (height + kRows - 1) / kRows, chunks = (depth + kSlices - 1) / kSlices;
  [[maybe_unused]] const LocalIntensityRows& rows = local_intensity_rows();
  const std::int64_t step = image.unit_rows() ? 1 : image.stride[2];
  const Extent extent = extent_of(image, context.workers);
  const bool finite = extent.finite;
  // As padding of -3e38 beside a region of small intensities: running sums are within 1e-10 of the peak below this.
  const bool wide = extent.largest > 1024 * std::abs(peak);
  constexpr double none = -std::numeric_limits<double>::infinity();
  LocalIntensity result{none, none};
  std::mutex mutex;
  parallel_for(bands * chunks, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    LocalIntensity own{none, none};
    Counts counts(ball, image.shape);
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t low = task / bands * kSlices, high = std::min(depth, low + kSlices),
                         first = task % bands * kRows, last = std::min(height, first + kRows);
      std::vector<std::uint8_t> wanted(static_cast<std::size_t>((high - low) * (last - first)), mask ? 0 : 1);
      const auto place = [&](std::int64_t z, std::int64_t y) -> std::uint8_t& {
        return wanted[static_cast<std::size_t>((z - low) * (last - first) + y - first)];
      };
      bool any = !mask;
      for (std::int64_t z = low; mask && z < high; ++z) {
        for (std::int64_t y = first; y < last; ++y) {
          const std::uint8_t* const inside = mask->row(z, y);
          std::uint8_t found = 0;
          for (std::int64_t x = 0; x < width; ++x) found |= inside[x * mask->stride[2]];
          place(z, y) = found;
          any |= found != 0;
        }
      }
      if (!any) continue;
      const auto is_wanted = [&](std::int64_t z, std::int64_t y) { return place(z, y) != 0; };
      BallSums<Sum> sums(ball, image.shape, first, last, wide);
      std::optional<BallSums<std::uint32_t>> valid;
      if (!finite) valid.emplace(ball, image.shape, first, last);
      // Slices before the first one of the image are pushed as nothing, so that every slice is cleared in time.
      for (std::int64_t z = low; z < std::min(low + ball.depth, high); ++z) {
        sums.clear(z);
        if (valid) valid->clear(z);
      }
      for (std::int64_t z = low - ball.depth; z < high + ball.depth; ++z) {
        if (z + ball.depth < high && z >= low) {
          sums.clear(z + ball.depth);
          if (valid) valid->clear(z + ball.depth);
        }
        if (z >= 0 && z < depth) {
          sums.push(
              z, low, high,
              [&](std::int64_t y, Sum* dst) { load_row<T, Sum>(image.row(z, y), step, width, finite, dst); },
              is_wanted);
          if (valid) {
            valid->push(
                z, low, high,
                [&](std::int64_t y, std::uint32_t* dst) {
                  const T* const row = image.row(z, y);
                  for (std::int64_t x = 0; x < width; ++x)
                    dst[x] = is_finite(static_cast<double>(row[x * image.stride[2]]));
                },
                is_wanted);
          }
        }
        const std::int64_t done = z - ball.depth;
        if (done < low || done >= high) continue;
        for (std::int64_t y = first; y < last; ++y) {
          if (!is_wanted(done, y)) continue;
          const Sum* const total = sums.row(done, y);
          const std::int64_t* const count = counts.row(done, y);
          const std::uint32_t* const own_count = valid ? valid->row(done, y) : nullptr;
          const std::uint8_t* const inside = mask ? mask->row(done, y) : nullptr;
          const T* const values = image.row(done, y);
          const auto look = [&](std::int64_t from, std::int64_t to) {
            for (std::int64_t x = from; x < to; ++x) {
              if (inside != nullptr && inside[x * mask->stride[2]] == 0) continue;
              double sum;
              if constexpr (std::is_same_v<Sum, double>) sum = total[x];
              else sum = static_cast<double>(static_cast<std::int32_t>(total[x]));
              const double mean = sum / static_cast<double>(own_count != nullptr ? own_count[x] : count[x]);
              own.global = std::max(own.global, mean);
              if (static_cast<double>(values[x * step]) == peak) own.local = std::max(own.local, mean);
            }
          };
          std::int64_t seen = 0;
          if constexpr (std::is_integral_v<T> && std::is_same_v<Sum, std::uint32_t>) {
            // Away from the ends of the row balls have one number of voxels: the largest sum is the largest mean.
            const std::int64_t from = ball.width, to = width - ball.width;
            if (from < to && step == 1 && inside != nullptr && mask->unit_rows() &&
                !has_value(values + from, static_cast<T>(peak), to - from)) {
              look(0, from);
              const std::int32_t most = rows.highest(total + from, inside + from, to - from);
              if (most != std::numeric_limits<std::int32_t>::min())
                own.global = std::max(own.global, static_cast<double>(most) / static_cast<double>(count[from]));
              seen = to;
            }
          }
          look(seen, width);
        }
      }
    }
    const std::lock_guard lock(mutex);
    result.local = std::max(result.local, own.local);
    result.global = std::max(result.global, own.global);
  });
  return result;
}

}  // namespace

namespace cpu {

LocalIntensity local_intensity(const Image& image, const Image* mask, const std::array<double, 3>& spacing,
                               double radius, double peak, Context context) {
  check_mask("local_intensity", image, mask);
  if (image.size() == 0) throw std::invalid_argument("local_intensity: the image is empty");
  bool lengths = radius >= 0 && std::isfinite(radius);
  for (const double length : spacing) lengths = lengths && length > 0 && std::isfinite(length);
  if (!lengths) throw std::invalid_argument("local_intensity: lengths must be finite, `spacing` above 0");
  const Ball ball(image.shape, spacing, radius);
  std::optional<View<const std::uint8_t>> inside;
  if (mask != nullptr) inside = mask->view<const std::uint8_t>();
  const std::int64_t voxels = (2 * ball.depth + 1) * (2 * ball.height + 1) * (2 * ball.width + 1);
  return dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    const auto view = image.view<const T>();
    if constexpr (sizeof(T) <= 2) {
      if (voxels < 32768) return run<T, std::uint32_t>(view, inside, ball, peak, context);
    }
    return run<T, double>(view, inside, ball, peak, context);
  });
}

}  // namespace cpu
}  // namespace cormack
