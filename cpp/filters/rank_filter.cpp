#include "filters/rank_filter.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/saturate.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/rank_filter_rows.hpp"
#include "filters/rank_tree.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kBand = 32;

// Signed integers in the order of the pixel values, -0 before 0 and NaN last.
template <class Key, class T>
Key key_of(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    Key bits = std::bit_cast<Key>(value);
    if (value != value) return bits & std::numeric_limits<Key>::max();
    return bits < 0 ? bits ^ std::numeric_limits<Key>::max() : bits;
  } else if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(Key)) {
    return static_cast<Key>(value ^ (T{1} << (8 * sizeof(T) - 1)));
  } else {
    return static_cast<Key>(value);
  }
}

template <class T, class Key>
T value_of(Key key) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<T>(key < 0 ? key ^ std::numeric_limits<Key>::max() : key);
  } else if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(Key)) {
    return static_cast<T>(static_cast<T>(key) ^ (T{1} << (8 * sizeof(T) - 1)));
  } else {
    return static_cast<T>(key);
  }
}

struct Tap {
  std::int64_t z, y, x;
};

std::vector<Tap> taps_of(const RankWindow& window) {
  std::vector<Tap> taps;
  const std::uint8_t* place = window.footprint;
  for (std::int64_t z = 0; z < window.size[0]; ++z) {
    for (std::int64_t y = 0; y < window.size[1]; ++y) {
      for (std::int64_t x = 0; x < window.size[2]; ++x) {
        if (place == nullptr || *place != 0) taps.push_back({z, y, x});
        if (place != nullptr) ++place;
      }
    }
  }
  return taps;
}

// Both with unit rows.
template <class T, class Key>
void run(View<const T> src, View<T> dst, const RankWindow& window, std::int64_t rank, Context context,
         std::array<std::int64_t, 3> at, SelectRank<Key> select_rank) {
  const std::vector<Tap> taps = taps_of(window);
  const auto [depth, height, width] = src.shape;
  const std::int64_t window_depth = window.size[0], window_height = window.size[1];
  const std::int64_t left = -window.first(2), right = window.size[2] - 1 - left;
  const std::int64_t bands = (dst.shape[1] + kBand - 1) / kBand;
  const Key cval = key_of<Key>(saturate<T>(window.cval));
  // A whole number of vectors of the widest level.
  const std::int64_t lanes = 64 / static_cast<std::int64_t>(sizeof(Key));
  const std::int64_t pitch = (left + width + right + 2 * lanes) / lanes * lanes;

  const std::int64_t work = kBand * width * static_cast<std::int64_t>(taps.size());
  const std::int64_t grain = std::max<std::int64_t>(1, 262144 / work);

  parallel_for(dst.shape[0] * bands, grain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    // Rows of keys, extended in x: of the source row at window row y, plane z, where y counts modulo the window's
    // height.
    const Scratch<Key> rows(window_height * window_depth * pitch), result(pitch);
    std::fill_n(rows.data(), window_height * window_depth * pitch, Key{0});
    std::vector<const Key*> pointers(taps.size());
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t z = item / bands, y_begin = item % bands * kBand;
      const std::int64_t y_end = std::min(dst.shape[1], y_begin + kBand);
      const auto load_row = [&](std::int64_t y) {
        for (std::int64_t i = 0; i < window_depth; ++i) {
          Key* const row = rows.data() + (y % window_height * window_depth + i) * pitch + left;
          const std::int64_t from_z = border_index(at[0] + z + window.first(0) + i, depth, window.border);
          const std::int64_t from_y = border_index(at[1] + y + window.first(1), height, window.border);
          if (from_z < 0 || from_y < 0) {
            std::fill(row - left, row + width + right, cval);
            continue;
          }
          const T* const from = src.row(from_z, from_y);
          for (std::int64_t x = 0; x < width; ++x) row[x] = key_of<Key>(from[x]);
          extend_row(row, width, left, right, window.border, cval);
        }
      };
      for (std::int64_t y = y_begin; y < y_begin + window_height - 1; ++y) load_row(y);
      for (std::int64_t y = y_begin; y < y_end; ++y) {
        load_row(y + window_height - 1);
        for (std::size_t i = 0; i < taps.size(); ++i) {
          const std::int64_t slot = (y + taps[i].y) % window_height * window_depth + taps[i].z;
          pointers[i] = rows.data() + slot * pitch + taps[i].x;
        }
        select_rank(pointers.data(), static_cast<std::int64_t>(taps.size()), rank, result.data(), width);
        T* const to = dst.row(z, y);
        for (std::int64_t x = 0; x < width; ++x) to[x] = value_of<T>(result[x]);
      }
    }
  });
}

void check(const RankWindow& window, std::int64_t rank) {
  double places = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t first = window.first(axis);
    if (window.size[axis] < 1 || first > 0 || first + window.size[axis] <= 0)
      throw std::invalid_argument("rank_filter: the window must contain the pixel it belongs to");
    places *= static_cast<double>(window.size[axis]);
  }
  if (places > std::numeric_limits<std::int32_t>::max())
    throw std::invalid_argument("rank_filter: the window must have at most 2147483647 values");
  if (rank < 0 || rank >= window.count())
    throw std::invalid_argument("rank_filter: the rank must lie inside the window's count");
}

}  // namespace

std::int64_t RankWindow::count() const {
  const std::int64_t places = size[0] * size[1] * size[2];
  return footprint == nullptr ? places : places - std::count(footprint, footprint + places, std::uint8_t{0});
}

namespace cpu {

void rank_filter(const Image& src, const Image& dst, const RankWindow& window, std::int64_t rank, Context context) {
  check_one_shape("rank_filter", src, dst);
  check(window, rank);
  if (window.count() > 1 && has_rank_tree(window)) return rank_tree(src, dst, window, rank, context);
  rank_selection(src, dst, window, rank, context);
}

void rank_selection(const Image& src, const Image& dst, const RankWindow& window, std::int64_t rank, Context context,
                    std::array<std::int64_t, 3> at) {
  check(window, rank);
  bool whole_rows = at[2] == 0 && dst.shape[2] == src.shape[2];
  for (std::size_t axis = 0; axis < 2; ++axis)
    whole_rows = whole_rows && at[axis] >= 0 && dst.shape[axis] <= src.shape[axis] - at[axis];
  if (!whole_rows) throw std::invalid_argument("rank_selection: `dst` must be rows of the result");
  const std::int64_t count = window.count();
  if (dst.size() == 0) return;
  const RankRows& rows = rank_rows();
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    with_unit_rows<T>(src.view<const T>(), dst.view<T>(), context.workers, [&](View<const T> in, View<T> out) {
      if constexpr (sizeof(T) == 8) {
        run<T, std::int64_t>(in, out, window, rank, context, at, rows.i64);
      } else if constexpr (sizeof(T) == 4) {  // NOLINT(bugprone-branch-clone): of the types that one T leaves
        run<T, std::int32_t>(in, out, window, rank, context, at, rows.i32);
      } else if (sizeof(T) == 1 && count <= std::numeric_limits<std::int8_t>::max()) {
        if constexpr (sizeof(T) == 1) run<T, std::int8_t>(in, out, window, rank, context, at, rows.i8);
      } else if (count <= std::numeric_limits<std::int16_t>::max()) {
        run<T, std::int16_t>(in, out, window, rank, context, at, rows.i16);
      } else {
        // The key counts the window's values too.
        run<T, std::int32_t>(in, out, window, rank, context, at, rows.i32);
      }
    });
  });
}

}  // namespace cpu
}  // namespace cormack
