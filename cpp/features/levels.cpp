#include "features/levels.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <mutex>
#include <stdexcept>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "features/texture_rows.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kGrain = 4;  // slices

std::int64_t padded(const std::array<std::int64_t, 3>& shape, std::int64_t pad) {
  if (pad < 0) throw std::invalid_argument("texture matrices take a padding from 0");
  std::int64_t size = 1;
  for (const std::int64_t n : shape) {
    if (n > std::numeric_limits<std::uint16_t>::max() - 2 * pad)
      throw std::overflow_error("texture matrices take regions of up to 65535 voxels along each axis");
    size *= n + 2 * pad;  // three factors below 2^16
  }
  if (size > std::numeric_limits<std::uint32_t>::max())
    throw std::overflow_error("texture matrices take regions whose box has less than 2^32 voxels");
  return size;
}

template <class F>
decltype(auto) dispatch_integers(const Image& image, F&& f) {
  return dispatch(image.dtype, [&](auto t) -> decltype(f(std::uint8_t{})) {
    if constexpr (std::is_integral_v<decltype(t)>) return f(t);
    else throw std::invalid_argument("levels are integers");
  });
}

View<const std::uint8_t> mask_view(const Image* mask) {
  return mask == nullptr ? View<const std::uint8_t>{} : mask->view<const std::uint8_t>();
}

void widen(LevelRange& range, const std::array<std::int64_t, 3>& begin, const std::array<std::int64_t, 3>& end) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    range.begin[axis] = std::min(range.begin[axis], begin[axis]);
    range.end[axis] = std::max(range.end[axis], end[axis]);
  }
}

// Where the morphological region or the level is not zero; returns whether that is more than where the level is.
bool pack(const std::uint8_t* region, std::int64_t step, const std::uint16_t* levels, std::int64_t n,
          std::uint8_t* packed) {
  unsigned wider = 0;
  const auto over = [&](auto region_at) {
    for (std::int64_t x = 0; x < n; ++x) {
      const bool outer = region_at(x) != 0, inner = levels[x] != 0;
      packed[x] = outer | inner;
      wider |= static_cast<unsigned>(outer & !inner);
    }
  };
  if (step == 1) {
    over([&](std::int64_t x) { return region[x]; });
  } else {
    over([&](std::int64_t x) { return region[x * step]; });
  }
  return wider != 0;
}

}  // namespace

Levels::Levels(const Image& levels, const Image* mask, const Image* morphology, std::int64_t level_count,
               std::int64_t pad, Context context)
    : shape_(levels.shape),
      level_count_(level_count),
      pad_(pad),
      step_{(shape_[1] + 2 * pad) * (shape_[2] + 2 * pad), shape_[2] + 2 * pad},
      data_(padded(shape_, pad)),
      first_(shape_[0] * shape_[1]),
      end_(shape_[0] * shape_[1]),
      counts_(static_cast<std::size_t>(shape_[0])) {
  if (level_count < 0 || level_count > std::numeric_limits<std::uint16_t>::max())
    throw std::invalid_argument("texture matrices take up to 65535 levels");
  check_mask("Levels", levels, mask);
  check_mask("Levels", levels, morphology);
  if (morphology != nullptr) morphology_.resize(static_cast<std::size_t>(levels.size()));
  const View<const std::uint8_t> inside = mask_view(mask), region = mask_view(morphology);
  const TextureRows& table = texture_rows();
  std::atomic<bool> right = true, wider = false;
  dispatch_integers(levels, [&](auto t) {
    using T = decltype(t);
    const View<const T> source = levels.view<const T>();
    const auto load = table.levels.get<T>();
    parallel_for(shape_[0], kGrain, context.workers, [&](std::int64_t begin, std::int64_t stop) {
      for (std::int64_t z = begin; z < stop; ++z) {
        for (std::int64_t y = -pad_; y < shape_[1] + pad_; ++y) {
          std::uint16_t* target = data_.data() + index(z, y);
          if (y < 0 || y >= shape_[1]) {
            std::memset(target - pad_, 0, static_cast<std::size_t>(step_[1]) * 2);
            continue;
          }
          std::memset(target - pad_, 0, static_cast<std::size_t>(pad_) * 2);
          std::memset(target + shape_[2], 0, static_cast<std::size_t>(pad_) * 2);
          const std::uint8_t* chosen = mask == nullptr ? nullptr : inside.row(z, y);
          if (!load(source.row(z, y), source.stride[2], chosen, inside.stride[2], shape_[2], level_count, target))
            right = false;
          std::int64_t first = 0, last = shape_[2];
          while (first < last && target[first] == 0) ++first;
          while (last > first && target[last - 1] == 0) --last;
          first_[z * shape_[1] + y] = first;
          end_[z * shape_[1] + y] = last;
          counts_[static_cast<std::size_t>(z)] += table.count(target + first, last - first);
          if (morphology == nullptr) continue;
          std::uint8_t* packed = morphology_.data() + (z * shape_[1] + y) * shape_[2];
          if (pack(region.row(z, y), region.stride[2], target, shape_[2], packed)) wider = true;
        }
      }
    });
  });
  const auto outer = static_cast<std::size_t>(pad_ * step_[0]) * 2;
  std::memset(data_.data(), 0, outer);
  std::memset(data_.data() + (shape_[0] + pad_) * step_[0], 0, outer);
  // Distances within the extents of rows are quicker to have.
  if (!wider) morphology_ = {};
  if (!right) throw std::invalid_argument("levels must be from 0 to their number");
}

void Levels::distances(int dimensions, std::uint16_t* result, Context context) const {
  const std::int64_t depth = shape_[0], height = shape_[1], n = shape_[2];
  const TextureRows& table = texture_rows();
  if (depth * height * n == 0) return;
  parallel_for(depth, kGrain, context.workers, [&](std::int64_t begin, std::int64_t stop) {
    for (std::int64_t z = begin; z < stop; ++z) {
      for (std::int64_t y = 0; y < height; ++y) {
        std::uint16_t* row = result + index(z, y);
        const std::uint16_t* level = this->row(z, y);
        const std::uint8_t* region = morphology_.empty() ? nullptr : morphology_.data() + (z * height + y) * n;
        const std::int64_t begin_x = region == nullptr ? first(z, y) : 0, end_x = region == nullptr ? end(z, y) : n;
        std::fill(row, row + begin_x, std::uint16_t{});
        std::fill(row + end_x, row + n, std::uint16_t{});
        std::uint16_t steps = 0;
        for (std::int64_t x = begin_x; x < end_x; ++x) {
          const bool inside = region != nullptr ? region[x] != 0 : level[x] != 0;
          steps = static_cast<std::uint16_t>((steps + 1) & -static_cast<int>(inside));
          row[x] = steps;
        }
        steps = 0;
        for (std::int64_t x = end_x - 1; x >= begin_x; --x) {
          steps = static_cast<std::uint16_t>((steps + 1) & -static_cast<int>(row[x] != 0));
          row[x] = std::min(row[x], steps);
        }
      }
      std::uint16_t* slice = result + index(z, 0);
      for (std::int64_t x = 0; x < n; ++x) {
        slice[x] = std::min<std::uint16_t>(slice[x], 1);
        std::uint16_t& last = slice[(height - 1) * step_[1] + x];
        last = std::min<std::uint16_t>(last, 1);
      }
      for (std::int64_t y = 1; y < height; ++y) table.nearer(slice + y * step_[1], slice + (y - 1) * step_[1], n);
      for (std::int64_t y = height - 2; y >= 0; --y) table.nearer(slice + y * step_[1], slice + (y + 1) * step_[1], n);
    }
  });
  if (dimensions == 2) return;
  parallel_for(height, kGrain, context.workers, [&](std::int64_t begin, std::int64_t stop) {
    for (std::int64_t y = begin; y < stop; ++y) {
      std::uint16_t* top = result + index(0, y);
      std::uint16_t* bottom = result + index(depth - 1, y);
      for (std::int64_t x = 0; x < n; ++x) {
        top[x] = std::min<std::uint16_t>(top[x], 1);
        bottom[x] = std::min<std::uint16_t>(bottom[x], 1);
      }
      for (std::int64_t z = 1; z < depth; ++z) table.nearer(top + z * step_[0], top + (z - 1) * step_[0], n);
      for (std::int64_t z = depth - 2; z >= 0; --z) table.nearer(top + z * step_[0], top + (z + 1) * step_[0], n);
    }
  });
}

namespace cpu {

LevelRange level_range(const Image& levels, const Image* mask, const Image* morphology, Context context) {
  check_mask("level_range", levels, mask);
  check_mask("level_range", levels, morphology);
  const View<const std::uint8_t> inside = mask_view(mask), region = mask_view(morphology);
  const TextureRows& table = texture_rows();
  LevelRange none;
  none.lowest = std::numeric_limits<std::int64_t>::max();
  none.highest = std::numeric_limits<std::int64_t>::min();
  none.begin = levels.shape;
  LevelRange result = none;
  std::mutex joining;
  dispatch_integers(levels, [&](auto t) {
    using T = decltype(t);
    const View<const T> source = levels.view<const T>();
    const auto range_of = table.range.get<T>();
    parallel_for(levels.shape[0], kGrain, context.workers, [&](std::int64_t begin, std::int64_t stop) {
      LevelRange part = none;
      for (std::int64_t z = begin; z < stop; ++z) {
        for (std::int64_t y = 0; y < levels.shape[1]; ++y) {
          const std::uint8_t* chosen = mask == nullptr ? nullptr : inside.row(z, y);
          const RowRange row = range_of(source.row(z, y), source.stride[2], chosen, inside.stride[2], levels.shape[2]);
          if (row.first < row.end) {
            widen(part, {z, y, row.first}, {z + 1, y + 1, row.end});
            part.lowest = std::min(part.lowest, row.lowest);
            part.highest = std::max(part.highest, row.highest);
            part.any = true;
          }
          if (morphology == nullptr) continue;
          const std::uint8_t* edge = region.row(z, y);
          const RowRange whole = table.range.u8(edge, region.stride[2], nullptr, 0, levels.shape[2]);
          if (whole.first < whole.end) widen(part, {z, y, whole.first}, {z + 1, y + 1, whole.end});
        }
      }
      const std::scoped_lock lock(joining);
      widen(result, part.begin, part.end);
      result.lowest = std::min(result.lowest, part.lowest);
      result.highest = std::max(result.highest, part.highest);
      result.any = result.any || part.any;
    });
  });
  return result;
}

}  // namespace cpu
}  // namespace cormack
