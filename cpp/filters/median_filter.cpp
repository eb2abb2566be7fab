#include "filters/median_filter.hpp"

#include <algorithm>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/saturate.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/median_filter_rows.hpp"

namespace cormack {
namespace {

// Even, and the same for any number of threads: a band's first K - 1 rows are sorted for nothing, and a window's
// network depends on whether its row is even or odd in the band (which shows in the sign of zeros alone).
constexpr std::int64_t kBand = 64;

template <class T>
MedianNetwork<T> network_for(const RankWindow& window) {
  if (window.footprint != nullptr) return nullptr;
  // The networks look for NaN in the image alone.
  if (window.border == Border::constant && window.cval != window.cval) return nullptr;
  // rank_filter says what is wrong with a window beside its pixel.
  for (int axis = 0; axis < 3; ++axis)
    if (window.first(axis) > 0 || window.first(axis) + window.size[axis] <= 0) return nullptr;
  const MedianRows& rows = median_rows();
  const auto [z, y, x] = window.size;
  if (y != x || (z != 1 && z != y)) return nullptr;
  if (z == 1) {
    if (x == 3) return rows.box_3x3.get<T>();
    if (x == 5) return rows.box_5x5.get<T>();
    if (x == 7) return rows.box_7x7.get<T>();
  } else {
    if (x == 3) return rows.box_3x3x3.get<T>();
    if (x == 5) return rows.box_5x5x5.get<T>();
  }
  return nullptr;
}

template <class T>
Image image_of(View<T> view) {
  using Value = std::remove_const_t<T>;
  return {const_cast<Value*>(view.data), dtype_of<Value>(), 3, view.shape, view.stride};
}

// Both with unit rows.
template <class T>
void run(View<const T> src, View<T> dst, const RankWindow& window, MedianNetwork<T> network, Context context) {
  const auto [depth, height, width] = src.shape;
  const std::int64_t window_height = window.size[1];
  // A volume is filtered in pairs of slices, an image alone.
  const std::int64_t slices = window.size[0] == 1 ? 1 : 2, planes = window.size[0] + slices - 1;
  const std::int64_t bands = (height + kBand - 1) / kBand;
  const T cval = saturate<T>(window.cval);
  const std::vector<T> constant(static_cast<std::size_t>(window.border == Border::constant ? width : 0), cval);
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / (slices * kBand * width));

  parallel_for((depth + slices - 1) / slices * bands, grain, context.workers,
               [&](std::int64_t begin, std::int64_t end) {
                 const Scratch<const T*> rows((kBand + window_height) * planes);
                 for (std::int64_t item = begin; item < end; ++item) {
                   const std::int64_t z = item / bands * slices, y = item % bands * kBand;
                   MedianBand<T> band{};
                   band.rows = rows.data();
                   for (std::int64_t s = 0; s < slices; ++s) band.out[s] = z + s < depth ? dst.row(z + s, y) : nullptr;
                   band.out_stride = dst.stride[1];
                   band.height = std::min(kBand, height - y);
                   band.width = width;
                   band.first = window.first(2);
                   band.border = window.border;
                   band.cval = cval;
                   const std::int64_t count = (band.height + 1) / 2 * 2 + window_height - 1;
                   for (std::int64_t i = 0; i < count * planes; ++i) {
                     const std::int64_t from_z = border_index(z + window.first(0) + i % planes, depth, window.border);
                     const std::int64_t from_y = border_index(y + window.first(1) + i / planes, height, window.border);
                     rows[i] = from_z < 0 || from_y < 0 ? constant.data() : src.row(from_z, from_y);
                   }
                   if (!network(band)) {
                     const View<T> part{dst.row(z, y), {std::min(slices, depth - z), band.height, width}, dst.stride};
                     cpu::rank_selection(image_of(src), image_of(part), window, window.count() / 2, context, {z, y, 0});
                   }
                 }
               });
}

}  // namespace

namespace cpu {

void median_filter(const Image& src, const Image& dst, const RankWindow& window, Context context) {
  check_one_shape("median_filter", src, dst);
  if (dst.size() == 0) return;
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const MedianNetwork<T> network = network_for<T>(window);
    if (network == nullptr) return rank_filter(src, dst, window, window.count() / 2, context);
    with_unit_rows<T>(src.view<const T>(), dst.view<T>(), context.workers,
                      [&](View<const T> in, View<T> out) { run<T>(in, out, window, network, context); });
  });
}

}  // namespace cpu
}  // namespace cormack
