#pragma once
// Contiguous rows for kernels that need them: the image itself where its last axis has unit stride, else one copy.
#include <algorithm>

#include "core/image.hpp"
#include "core/parallel.hpp"
#include "core/scratch.hpp"

namespace cormack {

// The axis along which a view is closest to contiguous.
template <class T>
int nearest_axis(const View<T>& view) {
  int nearest = 2;
  for (int axis = 1; axis >= 0; --axis) {
    const auto step = [&](int a) { return view.stride[a] < 0 ? -view.stride[a] : view.stride[a]; };
    if (view.shape[axis] > 1 && (view.shape[nearest] <= 1 || step(axis) < step(nearest))) nearest = axis;
  }
  return nearest;
}

// Copies between any strides, in tiles, so that a transposed image costs little more than a straight one.
template <class T>
void copy_strided(const View<const T>& src, const View<T>& dst, int workers) {
  constexpr std::int64_t kTile = 64;
  const int from_axis = nearest_axis(src), to_axis = nearest_axis(dst);
  const int across = from_axis != to_axis ? from_axis : from_axis == 2 ? 1 : 2, outer = 3 - across - to_axis;
  const std::int64_t tiles = (src.shape[across] + kTile - 1) / kTile, length = src.shape[to_axis];
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, kTile * length));
  parallel_for(src.shape[outer] * tiles, grain, workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t o = item / tiles, first = item % tiles * kTile,
                         last = std::min(src.shape[across], first + kTile);
      for (std::int64_t x = 0; x < length; x += kTile) {
        const std::int64_t n = std::min(kTile, length - x);
        for (std::int64_t a = first; a < last; ++a) {
          const T* from = src.data + o * src.stride[outer] + a * src.stride[across] + x * src.stride[to_axis];
          T* to = dst.data + o * dst.stride[outer] + a * dst.stride[across] + x * dst.stride[to_axis];
          for (std::int64_t i = 0; i < n; ++i) to[i * dst.stride[to_axis]] = from[i * src.stride[to_axis]];
        }
      }
    }
  });
}

// A source with unit rows.
template <class T>
class UnitRows {
 public:
  UnitRows(const View<const T>& source, int workers) : view_(source), copy_(source.unit_rows() ? 0 : source.size()) {
    if (source.unit_rows()) return;
    const std::array<std::int64_t, 3> packed{source.shape[1] * source.shape[2], source.shape[2], 1};
    copy_strided<T>(source, {copy_.data(), source.shape, packed}, workers);
    view_ = {copy_.data(), source.shape, packed};
  }

  const View<const T>& view() const { return view_; }

 private:
  View<const T> view_;
  Scratch<T> copy_;
};

// Calls f(src, dst) with views of contiguous rows: copies of the images whose rows are not.
template <class T, class F>
void with_unit_rows(const View<const T>& src, const View<T>& dst, int workers, F&& f) {
  const UnitRows<T> rows(src, workers);
  if (dst.unit_rows()) {
    f(rows.view(), dst);
    return;
  }
  const Scratch<T> copy(dst.size());
  const View<T> target{copy.data(), dst.shape, {dst.shape[1] * dst.shape[2], dst.shape[2], 1}};
  f(rows.view(), target);
  copy_strided<T>({target.data, target.shape, target.stride}, dst, workers);
}

}  // namespace cormack
