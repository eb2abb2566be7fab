#pragma once
// What filters with a 3 x 3 x 3 neighbourhood on whole images share: tiles that split an image into pieces of fixed
// size whatever the threads, and the few padded rows in the cache that a tile looks at.
#include <algorithm>
#include <array>
#include <cstdint>

#include "core/scratch.hpp"
#include "filters/float_image.hpp"

namespace cormack {

struct Tile {
  std::int64_t slab, strip;  // its place among the tiles
  std::int64_t z_begin, z_end, y_begin, y_end;
};

class Tiles {
 public:
  // row_bytes: working memory per row of a tile.
  Tiles(const std::array<std::int64_t, 3>& shape, std::int64_t row_bytes) : shape_(shape) {
    const std::int64_t most_rows =
        std::clamp<std::int64_t>(kTileBytes / row_bytes, 8, std::max<std::int64_t>(8, shape[1]));
    const std::int64_t strips = (shape[1] + most_rows - 1) / most_rows;
    rows_ = (shape[1] + strips - 1) / strips;
    strips_ = (shape[1] + rows_ - 1) / rows_;
    planes_ = std::clamp<std::int64_t>(kTileValues / (rows_ * shape[2]), 1, shape[0]);
    count_ = strips_ * ((shape[0] + planes_ - 1) / planes_);
  }

  std::int64_t count() const { return count_; }
  std::int64_t strips() const { return strips_; }
  std::int64_t slabs() const { return count_ / strips_; }
  // Extent of every tile but those at the end.
  std::int64_t rows() const { return rows_; }
  std::int64_t planes() const { return planes_; }
  Tile operator[](std::int64_t i) const {
    const std::int64_t slab = i / strips_, strip = i % strips_, z = slab * planes_, y = strip * rows_;
    return {slab, strip, z, std::min(shape_[0], z + planes_), y, std::min(shape_[1], y + rows_)};
  }

 private:
  static constexpr std::int64_t kTileBytes = 192 * 1024, kTileValues = 128 * 1024;
  std::array<std::int64_t, 3> shape_;
  std::int64_t rows_, strips_, planes_, count_;
};

// Rows of a tile and one around it, of three planes at a time. Row [-1] and what follows row [n - 1] repeat its ends.
template <class T>
class RowRing {
 public:
  static constexpr std::int64_t kLead = kRowLanes;
  static std::int64_t pitch(std::int64_t n) { return padded(n) + 2 * kLead; }

  RowRing(const std::array<std::int64_t, 3>& shape, std::int64_t most_rows)
      : shape_(shape), pitch_(pitch(shape[2])), plane_((most_rows + 2) * pitch_), memory_(3 * plane_) {}

  void begin(const Tile& tile) {
    first_ = std::max<std::int64_t>(0, tile.y_begin - 1);
    last_ = std::min(shape_[1], tile.y_end + 1) - 1;
  }
  // Planes outside the image are left out.
  void load(std::int64_t z, const ReadRow<T>& read) {
    if (z < 0 || z >= shape_[0]) return;
    const std::int64_t n = shape_[2];
    for (std::int64_t y = first_; y <= last_; ++y) {
      T* to = at(z, y);
      read(z, y, to);
      to[-1] = to[0];
      std::fill(to + n, to + pitch_ - kLead, to[n - 1]);
    }
  }
  // z and y beyond the border are those of the border.
  const T* row(std::int64_t z, std::int64_t y) const {
    return at(std::clamp<std::int64_t>(z, 0, shape_[0] - 1), std::clamp(y, first_, last_));
  }

 private:
  T* at(std::int64_t z, std::int64_t y) const {
    return memory_.data() + z % 3 * plane_ + (y - first_) * pitch_ + kLead;
  }

  std::array<std::int64_t, 3> shape_;
  std::int64_t pitch_, plane_, first_ = 0, last_ = 0;
  Scratch<T> memory_;
};

// Calls f(part of src, part of dst, scale) for every index along the axes whose scale is 0. The parts have these axes
// first, then those of one voxel: rows are long where an image allows it.
template <class F>
void for_each_batch(const Image& src, const Image& dst, const std::array<double, 3>& scale, F&& f) {
  std::array<std::size_t, 3> order{0, 1, 2};
  const auto place = [&](std::size_t axis) { return scale[axis] == 0 ? 0 : src.shape[axis] == 1 ? 1 : 2; };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return place(a) < place(b); });
  Image from = src, to = dst;
  std::array<double, 3> ordered{};
  std::array<std::int64_t, 3> batch{1, 1, 1};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    ordered[axis] = scale[order[axis]];
    from.shape[axis] = src.shape[order[axis]];
    from.stride[axis] = src.stride[order[axis]];
    to.stride[axis] = dst.stride[order[axis]];
    if (ordered[axis] == 0) std::swap(batch[axis], from.shape[axis]);
  }
  to.shape = from.shape;
  const auto item = static_cast<std::int64_t>(item_size(src.dtype));
  const auto part = [&](Image image, std::int64_t z, std::int64_t y, std::int64_t x) {
    const std::int64_t offset = z * image.stride[0] + y * image.stride[1] + x * image.stride[2];
    image.data = static_cast<char*>(image.data) + offset * item;
    return image;
  };
  for (std::int64_t z = 0; z < batch[0]; ++z) {
    for (std::int64_t y = 0; y < batch[1]; ++y) {
      for (std::int64_t x = 0; x < batch[2]; ++x) f(part(from, z, y, x), part(to, z, y, x), ordered);
    }
  }
}

}  // namespace cormack
