#include "segment/distance_transform.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "segment/bit_image.hpp"
#include "segment/distance_transform_rows.hpp"

namespace cormack::cpu {
namespace {

using Word = std::uint64_t;

// How far before its first pixel a word has the next zero of its row; words are set where pixels are not zero.
std::int32_t zero_before(const Word* row, std::int64_t word) {
  for (std::int64_t w = word - 1; w >= 0; --w) {
    if (~row[w] != 0) return static_cast<std::int32_t>(64 * (word - 1 - w) + std::countl_one(row[w]) + 1);
  }
  return kFar;
}

// How far behind its last pixel. What lies beyond the row's end is no zero: see `beyond`.
std::int32_t zero_behind(const Word* row, std::int64_t word, std::int64_t words, Word beyond) {
  for (std::int64_t w = word + 1; w < words; ++w) {
    const Word bits = w == words - 1 ? row[w] | beyond : row[w];
    if (~bits != 0) return static_cast<std::int32_t>(64 * (w - word - 1) + std::countr_one(bits) + 1);
  }
  return kFar;
}

// Along one axis: its weight, and what divisions by distances become.
struct Axis {
  Axis(double squared_spacing, std::int64_t length) : weight(squared_spacing), half_inverse(length + 1) {
    half_inverse[0] = 0;
    for (std::int64_t d = 1; d <= length; ++d) half_inverse[d] = 1 / (2 * weight * static_cast<double>(d));
  }
  double weight;
  Scratch<double> half_inverse;
};

// What a thread needs for the columns of one axis.
struct Room {
  Room(std::int64_t length, bool indices)
      : tile(length * kTileColumns),
        values(3 * kColumnsAtOnce * length),
        stack((2 + kColumnsAtOnce) * (length + 1)),
        sites(indices ? length * kTileColumns : 0),
        first(indices ? length * kTileColumns : 0),
        second(indices ? length * kTileColumns : 0) {}

  Scratch<double> tile, values;
  Scratch<std::int32_t> stack, sites, first, second;
};

template <class T>
class Transform {
 public:
  Transform(const BitImage& bits, const std::array<double, 3>& weights, double scale, const View<T>& distances,
            std::int32_t* const* indices)
      : bits_(bits),
        shape_(bits.shape),
        weights_(weights),
        scale_(scale),
        out_(distances),
        indices_(indices),
        rows_(distance_rows()),
        beyond_(shape_[2] % 64 == 0 ? 0 : ~Word{0} << shape_[2] % 64) {}

  // Distances within each slice; their squares where another axis follows.
  void in_slices(int workers) const {
    const Axis axis(weights_[1], shape_[1]);
    parallel_for(shape_[0] * bits_.words, 1, workers, [&](std::int64_t begin, std::int64_t end) {
      const Room room(shape_[1], indices_ != nullptr);
      for (std::int64_t i = begin; i < end; ++i) in_slice(axis, room, i / bits_.words, i % bits_.words);
    });
  }

  void across_slices(int workers) const {
    const Axis axis(weights_[0], shape_[0]);
    parallel_for(shape_[1] * bits_.words, 1, workers, [&](std::int64_t begin, std::int64_t end) {
      const Room room(shape_[0], indices_ != nullptr);
      for (std::int64_t i = begin; i < end; ++i) across(axis, room, i / bits_.words, i % bits_.words);
    });
  }

 private:
  std::int64_t columns_of(std::int64_t word) const { return std::min(kTileColumns, shape_[2] - 64 * word); }
  std::int64_t index_of(std::int64_t z, std::int64_t y, std::int64_t word) const {
    return (z * shape_[1] + y) * shape_[2] + 64 * word;
  }

  void put(const double* squares, T* to, std::int64_t n, bool last) const {
    if constexpr (std::is_same_v<T, float>) {
      if (last) rows_.root32(squares, to, scale_, n);
      else rows_.store32(squares, to, n);
    } else {
      if (last) rows_.root(squares, to, scale_, n);
      else std::copy_n(squares, n, to);
    }
  }

  void in_slice(const Axis& axis, const Room& room, std::int64_t z, std::int64_t word) const {
    const std::int64_t height = shape_[1], n = columns_of(word);
    std::int32_t* nearest = indices_ == nullptr ? nullptr : room.first.data();
    Word any = 0;
    for (std::int64_t y = 0; y < height; ++y) {
      const Word* row = bits_.data() + bits_.index(z, y);
      const bool ends = word == bits_.words - 1;
      const Word set = ends ? row[word] | beyond_ : row[word];
      any |= row[word];
      rows_.along_row(set, zero_before(row, word), zero_behind(row, word, bits_.words, beyond_), weights_[2],
                      room.tile.data() + y * kTileColumns, nearest == nullptr ? nullptr : nearest + y * kTileColumns);
    }
    if (any != 0 || indices_ != nullptr) run(axis, room, height, n);
    for (std::int64_t y = 0; y < height; ++y) {
      put(room.tile.data() + y * kTileColumns, out_.row(z, y) + 64 * word, n, shape_[0] == 1);
      if (indices_ == nullptr) continue;
      const std::int64_t at = index_of(z, y, word);
      for (std::int64_t c = 0; c < n; ++c) {
        const std::int64_t site = room.sites[y * kTileColumns + c];
        const std::int32_t x = nearest[site * kTileColumns + c];
        indices_[0][at + c] = static_cast<std::int32_t>(z);
        indices_[1][at + c] = static_cast<std::int32_t>(site);
        indices_[2][at + c] = static_cast<std::int32_t>(64 * word) + x;
      }
    }
  }

  void across(const Axis& axis, const Room& room, std::int64_t y, std::int64_t word) const {
    const std::int64_t depth = shape_[0], n = columns_of(word);
    Word any = 0;
    for (std::int64_t z = 0; z < depth; ++z) any |= bits_.data()[bits_.index(z, y) + word];
    // Zeros are their own nearest ones, and were written so.
    if (any == 0) return;
    for (std::int64_t z = 0; z < depth; ++z) {
      const T* from = out_.row(z, y) + 64 * word;
      double* to = room.tile.data() + z * kTileColumns;
      if constexpr (std::is_same_v<T, float>) rows_.load32(from, to, n);
      else std::copy_n(from, n, to);
      std::fill(to + n, to + kTileColumns, 0.0);
    }
    run(axis, room, depth, n);
    for (std::int64_t z = 0; z < depth; ++z)
      put(room.tile.data() + z * kTileColumns, out_.row(z, y) + 64 * word, n, true);
    if (indices_ == nullptr) return;
    for (std::int64_t z = 0; z < depth; ++z) {
      const std::int64_t at = index_of(z, y, word);
      std::copy_n(indices_[1] + at, n, room.first.data() + z * kTileColumns);
      std::copy_n(indices_[2] + at, n, room.second.data() + z * kTileColumns);
    }
    for (std::int64_t z = 0; z < depth; ++z) {
      const std::int64_t at = index_of(z, y, word);
      for (std::int64_t c = 0; c < n; ++c) {
        const std::int64_t site = room.sites[z * kTileColumns + c], from = site * kTileColumns + c;
        indices_[0][at + c] = static_cast<std::int32_t>(site);
        indices_[1][at + c] = room.first[from];
        indices_[2][at + c] = room.second[from];
      }
    }
  }

  void run(const Axis& axis, const Room& room, std::int64_t length, std::int64_t n) const {
    rows_.along_columns({room.tile.data(), indices_ == nullptr ? nullptr : room.sites.data(), length, n, axis.weight,
                         axis.half_inverse.data(), room.values.data(), room.stack.data()});
  }

  const BitImage& bits_;
  const std::array<std::int64_t, 3> shape_;
  const std::array<double, 3> weights_;
  const double scale_;
  const View<T> out_;
  std::int32_t* const* indices_;
  const DistanceRows& rows_;
  const Word beyond_;  // the bits of a row's last word that no pixel has
};

template <class T>
void transform(const BitImage& bits, const std::array<double, 3>& weights, double scale, const View<T>& distances,
               std::int32_t* const* indices, int workers) {
  const Transform<T> passes(bits, weights, scale, distances, indices);
  passes.in_slices(workers);
  if (bits.shape[0] > 1) passes.across_slices(workers);
}

bool has_zero(const BitImage& bits) {
  const std::int64_t tail = bits.shape[2] % 64;
  const Word last = tail == 0 ? ~Word{0} : (Word{1} << tail) - 1;
  for (std::int64_t r = 0; r < bits.row_count(); ++r) {
    const Word* row = bits.row(r);
    for (std::int64_t w = 0; w < bits.words; ++w) {
      if (row[w] != (w == bits.words - 1 ? last : ~Word{0})) return true;
    }
  }
  return false;
}

template <class T>
void fill_infinite(const View<T>& distances, std::int32_t* const* indices) {
  for (std::int64_t z = 0; z < distances.shape[0]; ++z) {
    for (std::int64_t y = 0; y < distances.shape[1]; ++y)
      std::fill_n(distances.row(z, y), distances.shape[2], std::numeric_limits<T>::infinity());
  }
  for (int axis = 0; indices != nullptr && axis < 3; ++axis) std::fill_n(indices[axis], distances.size(), -1);
}

}  // namespace

void distance_transform_edt(const Image& mask, const std::array<double, 3>& spacing, const Image& distances,
                            std::int32_t* const* indices, Context context) {
  if (mask.size() == 0) return;
  check_one_shape("distance_transform_edt", mask, distances);
  if (*std::max_element(mask.shape.begin(), mask.shape.end()) >= kFar)
    throw std::invalid_argument("cormack: an axis is too long for a distance transform");
  BitImage bits(mask.shape);
  nonzero_bits(mask, false, bits, context.workers);
  // In units of the longest voxel edge: equal spacings keep all squares whole numbers, which are exact.
  double scale = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (mask.shape[axis] > 1) scale = std::max(scale, spacing[axis]);
  }
  if (scale == 0) scale = 1;
  std::array<double, 3> weights{1, 1, 1};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double ratio = spacing[axis] / scale;
    if (mask.shape[axis] > 1) weights[axis] = ratio * ratio;
  }
  const auto run = [&](auto value) {
    const auto out = distances.view<decltype(value)>();
    if (!out.unit_rows()) throw std::invalid_argument("cormack: rows of distances must be contiguous");
    if (has_zero(bits)) transform(bits, weights, scale, out, indices, context.workers);
    else fill_infinite(out, indices);
  };
  if (distances.dtype == DType::f32) run(float{});
  else run(double{});
}

}  // namespace cormack::cpu
