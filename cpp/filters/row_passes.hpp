#pragma once
// The frame of filters that run along z, then y, then x over rows in working precision: tiles that fit the cache, rings
// of rows between the passes, rows continued beyond the border. What happens in a pass is the filter's own.
#include <algorithm>
#include <vector>

#include "core/border.hpp"
#include "core/image.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "filters/correlate_rows.hpp"

namespace cormack {

// Weights along one axis: weights[k] belongs to the offset k - left.
struct AxisTaps {
  std::vector<double> weights{1.0};
  std::int64_t left = 0;
  Border border = Border::reflect;
  double outside = 0;  // what this axis' pass sees beyond the border, for Border::constant

  bool identity() const { return weights.size() == 1 && left == 0 && weights[0] == 1; }
};

// The weights that are not zero, in working precision.
template <class Work>
struct TapList {
  explicit TapList(const AxisTaps& axis)
      : border(axis.border),
        outside(static_cast<Work>(axis.outside)),
        weights(static_cast<std::int64_t>(axis.weights.size())),
        offsets(static_cast<std::int64_t>(axis.weights.size())) {
    for (std::size_t k = 0; k < axis.weights.size(); ++k) {
      const std::int64_t offset = static_cast<std::int64_t>(k) - axis.left;
      if (axis.weights[k] == 0) continue;
      weights[count] = static_cast<Work>(axis.weights[k]);
      offsets[count++] = offset;
      left = std::max(left, -offset);
      right = std::max(right, offset);
    }
  }

  std::int64_t count = 0, left = 0, right = 0;
  Border border;
  Work outside;
  Scratch<Work> weights;
  Scratch<std::int64_t> offsets;
};

// The rows of pixels around a position, for a pass that reads pixels. Beyond a constant border stands no row: its value
// times its weight goes into `offset`.
template <class T, class Work>
class PixelTaps {
 public:
  explicit PixelTaps(const TapList<Work>& list) : rows(list.count), weights(list.count), list_(list) {}

  void find(const T* line, std::int64_t position, std::int64_t length, std::int64_t stride) {
    count = 0;
    offset = 0;
    std::int64_t beyond = 0;
    Work group = 0;
    for (std::int64_t k = 0; k < list_.count; ++k) {
      const std::int64_t index = border_index(position + list_.offsets[k], length, list_.border);
      if (index >= 0) {
        rows[count] = line + index * stride;
        weights[count++] = list_.weights[k];
        continue;
      }
      group += list_.weights[k] * list_.outside;
      if (++beyond % kTapGroup != 0) continue;
      offset += group;
      group = 0;
    }
    offset += group;
  }

  std::int64_t count = 0;
  Work offset = 0;
  Scratch<const T*> rows;
  Scratch<Work> weights;

 private:
  const TapList<Work>& list_;
};

struct RowPlan {
  std::int64_t read_rows = 1;  // rows of pixels behind a row of the first pass
  bool ring = false;           // whether a second pass, along y, follows the first
  std::int64_t above = 0, below = 0;
  Border border_y = Border::reflect;
  std::int64_t left = 0, right = 0;
  Border border_x = Border::reflect;
  std::array<double, 6> outside_y{}, outside_x{};  // of each channel
};

// Rows of the image between two of which a range moves on along z.
inline std::int64_t tile_rows(const RowPlan& plan, std::int64_t height, std::int64_t cols, std::size_t pixel_bytes) {
  // Half of a common second-level cache: the rows that neighbouring planes share stay in it.
  constexpr std::int64_t kSlabBytes = 512 * 1024;
  const std::int64_t slab_rows = kSlabBytes / (cols * static_cast<std::int64_t>(pixel_bytes) * plan.read_rows);
  const std::int64_t overlap = plan.above + plan.below;
  return std::min(height, std::max({slab_rows - overlap, overlap, std::int64_t{16}}));
}

// A worker, made for each range of rows, has
//   read(z, y, Work* const* out)      the first pass: `first` channels of a row, or `second` where no ring follows
//   join(z, y, ring, Work* const* out)   the second: ring[channel][k], k = -above .. below, to `second` channels
//   write(z, y, Work* const* lines, Out* out)   the last: `second` channels, continued beyond the border
template <class Work, int first, int second, class Out, class MakeWorker>
void run_rows(const View<Out>& dst, const RowPlan& plan, std::size_t pixel_bytes, bool boolean, Context context,
              MakeWorker&& make_worker) {
  constexpr std::int64_t kPixelsPerRange = 16384;
  const std::int64_t depth = dst.shape[0], height = dst.shape[1], cols = dst.shape[2];
  const std::int64_t ring_rows = plan.above + plan.below + 1;
  const std::int64_t tile = tile_rows(plan, height, cols, pixel_bytes);
  const std::int64_t tiles = (height + tile - 1) / tile;
  // Ranges of a few windows along z keep their slab in the cache; there should be some ranges for each thread.
  const std::int64_t along = std::clamp<std::int64_t>(tiles * depth / 16, 1, plan.ring ? 4 * plan.read_rows : 1);
  const std::int64_t grain = std::max(along, kPixelsPerRange / (tile * cols));

  parallel_for(tiles * depth, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    auto worker = make_worker();
    // Whole cache lines for each row.
    constexpr std::int64_t lanes = 64 / sizeof(Work);
    const std::int64_t pitch = (cols + lanes - 1) / lanes * lanes;
    // And one vector more: the last pass may compute past the end of a line.
    const std::int64_t line_pitch = (cols + plan.left + plan.right + 2 * lanes - 1) / lanes * lanes;
    Scratch<Work> ring(plan.ring ? first * ring_rows * pitch : 0);
    Scratch<const Work*> order(first * ring_rows);
    const Work* const* ordered[first];
    for (int c = 0; c < first; ++c) ordered[c] = order.data() + c * ring_rows + plan.above;
    Scratch<Work> line_memory(second * line_pitch);
    Work* lines[second];
    for (int c = 0; c < second; ++c) lines[c] = line_memory.data() + c * line_pitch + plan.left;
    Scratch<Out> gathered(dst.unit_rows() ? 0 : cols);

    const auto slot = [&](int c, std::int64_t y) {
      return ring.data() + (c * ring_rows + (y + plan.above) % ring_rows) * pitch;
    };
    const auto fill_ring = [&](std::int64_t z, std::int64_t y) {
      Work* out[first];
      for (int c = 0; c < first; ++c) out[c] = slot(c, y);
      const std::int64_t row = border_index(y, height, plan.border_y);
      if (row >= 0) {
        worker.read(z, row, out);
      } else {
        for (int c = 0; c < first; ++c)
          std::fill_n(out[c], cols, static_cast<Work>(plan.outside_y[static_cast<std::size_t>(c)]));
      }
    };

    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t z = index % depth, top = index / depth * tile, bottom = std::min(height, top + tile);
      if (plan.ring)
        for (std::int64_t y = top - plan.above; y < top + plan.below; ++y) fill_ring(z, y);
      for (std::int64_t y = top; y < bottom; ++y) {
        if (plan.ring) {
          fill_ring(z, y + plan.below);
          for (int c = 0; c < first; ++c)
            for (std::int64_t k = 0; k < ring_rows; ++k) order[c * ring_rows + k] = slot(c, y - plan.above + k);
          worker.join(z, y, ordered, lines);
        } else {
          worker.read(z, y, lines);
        }
        for (int c = 0; c < second; ++c)
          extend_row(lines[c], cols, plan.left, plan.right, plan.border_x,
                     static_cast<Work>(plan.outside_x[static_cast<std::size_t>(c)]));
        Out* out = dst.unit_rows() ? dst.row(z, y) : gathered.data();
        worker.write(z, y, lines, out);
        if constexpr (std::is_same_v<Out, std::uint8_t>) {
          if (boolean)
            for (std::int64_t x = 0; x < cols; ++x) out[x] = std::min(out[x], Out{1});
        }
        if (!dst.unit_rows())
          for (std::int64_t x = 0; x < cols; ++x) dst.at(z, y, x) = out[x];
      }
    }
  });
}

}  // namespace cormack
