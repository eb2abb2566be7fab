#include "filters/extremum_filter.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/saturate.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/extremum_footprint.hpp"
#include "filters/extremum_plan.hpp"

namespace cormack {
namespace {

// A quarter of a common second-level cache.
constexpr std::int64_t kCacheBytes = 256 * 1024;

// A window that reaches twice the image's length beyond its border sees every value already.
ExtremumAxis box_axis(const ExtremumWindow& window, const std::array<std::int64_t, 3>& shape, int axis) {
  const std::int64_t left = -window.first(axis), right = window.size[axis] - 1 - left, reach = 2 * shape[axis];
  return {shape[axis], std::min(left, reach), std::min(right, reach), window.border[axis]};
}

// Windows that go together: whole blocks of them, whose rows stay in the first-level cache.
std::int64_t step_of(const ExtremumAxis& axis, std::int64_t least) {
  return (least + axis.size() - 1) / axis.size() * axis.size();
}

// Extrema along y and x of bands of rows. For one thread.
template <class Key>
class PlaneFilter {
 public:
  PlaneFilter(const ExtremumPlan<Key>& plan, const ExtremumAxis& y, const ExtremumAxis& x)
      : plan_(plan),
        y_(y),
        x_(x),
        step_(step_of(y, 16)),
        capacity_(step_ + y.size() - 1),
        whole_(capacity_ > y.length),
        pitch_(pitch_of<Key>(x.length)),
        line_pitch_(pitch_of<Key>(x.length + x.size() - 1)),
        lines_(kBatch * line_pitch_),
        filtered_(y.size() == 1 ? 0
                  : whole_      ? (y.length + 1) * pitch_
                                : capacity_ * pitch_),
        suffixes_(items<Key>(kSuffixBytes) * y.size()),
        rows_(static_cast<std::size_t>(capacity_)) {}

  // Rows top .. bottom - 1 of plane z, to out, out + stride, ...
  void run(std::int64_t z, std::int64_t top, std::int64_t bottom, Key* out, std::int64_t stride) {
    const std::int64_t overlap = y_.size() - 1, first = top - y_.left;
    if (overlap == 0) return filter_rows(z, top, bottom - top, [&](std::int64_t i) { return out + i * stride; });
    if (whole_) {
      // Windows so tall that it is less to keep all rows: each one once, and one beyond the border.
      filter_rows(z, 0, y_.length, [&](std::int64_t i) { return filtered_.data() + i * pitch_; });
      std::fill_n(filtered_.data() + y_.length * pitch_, x_.length, plan_.cval);
    }
    // Positions count from the first row of the first window.
    const auto row_at = [&](std::int64_t position) {
      if (!whole_) return filtered_.data() + position % capacity_ * pitch_;
      const std::int64_t from = y_.index(first + position);
      return filtered_.data() + (from < 0 ? y_.length : from) * pitch_;
    };
    if (!whole_) filter_rows(z, first, overlap, row_at);
    for (std::int64_t done = 0; done < bottom - top; done += step_) {
      const std::int64_t count = std::min(step_, bottom - top - done), seen = done + overlap;
      if (!whole_) filter_rows(z, first + seen, count, [&](std::int64_t i) { return row_at(seen + i); });
      for (std::int64_t i = 0; i < count + overlap; ++i) rows_[static_cast<std::size_t>(i)] = row_at(done + i);
      plan_.kernels.columns(rows_.data(), y_.size(), count, out + done * stride, stride, x_.length, suffixes_.data());
    }
  }

 private:
  static constexpr std::int64_t kBatch = 8;

  // Row first + i, filtered along x, to out(i), for 0 <= i < count.
  template <class Out>
  void filter_rows(std::int64_t z, std::int64_t first, std::int64_t count, Out out) {
    Key* targets[kBatch];
    std::int64_t batch = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t from = y_.index(first + i);
      if (from < 0) {
        std::fill_n(out(i), x_.length, plan_.cval);
      } else if (x_.size() == 1) {
        plan_.load_row(z, from, x_, out(i));
      } else {
        plan_.load_row(z, from, x_, lines_.data() + batch * line_pitch_);
        targets[batch++] = out(i);
      }
      if (batch == kBatch || (batch > 0 && i == count - 1)) {
        plan_.kernels.windows(lines_.data(), line_pitch_, batch, x_.size(), targets, x_.length);
        batch = 0;
      }
    }
  }

  const ExtremumPlan<Key>& plan_;
  const ExtremumAxis y_, x_;
  const std::int64_t step_, capacity_;
  const bool whole_;
  const std::int64_t pitch_, line_pitch_;
  const Scratch<Key> lines_, filtered_, suffixes_;
  std::vector<const Key*> rows_;
};

// Extrema along y and x: the result, or keys for the pass along z.
template <class Key>
void filter_planes(const ExtremumPlan<Key>& plan, const ExtremumAxis& y, const ExtremumAxis& x, bool finish) {
  const std::int64_t band = std::min(y.length, step_of(y, std::max(kExtremumPixelsPerRange / x.length, 8 * y.size())));
  const std::int64_t bands = (y.length + band - 1) / band;
  const std::int64_t grain = std::max<std::int64_t>(1, kExtremumPixelsPerRange / (band * x.length));
  parallel_for(plan.src.shape[0] * bands, grain, plan.context.workers, [&](std::int64_t begin, std::int64_t end) {
    PlaneFilter<Key> filter(plan, y, x);
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t z = item / bands, top = item % bands * band, bottom = std::min(top + band, y.length);
      filter.run(z, top, bottom, plan.dst.row(z, top), plan.dst.stride[1]);
      if (finish)
        for (std::int64_t i = top; i < bottom; ++i) plan.decode(plan.dst.row(z, i), x.length);
    }
  });
}

// All three axes at once, in bands of rows of which as many planes as the pass along z needs stay in the second-level
// cache. False, and nothing done, where such bands would mostly filter their neighbours' rows.
template <class Key>
bool filter_bands(const ExtremumPlan<Key>& plan, const ExtremumAxis& z, const ExtremumAxis& y, const ExtremumAxis& x) {
  const std::int64_t width = x.length, step = step_of(z, 4), overlap = z.size() - 1, capacity = step + overlap;
  const std::int64_t fitting = 2 * kCacheBytes / (capacity * bytes<Key>(width));
  const std::int64_t band = std::min(y.length, fitting);
  if (band < y.length && band < std::max<std::int64_t>(4, 4 * (y.size() - 1))) return false;
  const std::int64_t bands = (y.length + band - 1) / band, pitch = pitch_of<Key>(band * width);
  // A thick slab, since it starts with the planes of a whole window.
  const std::int64_t slab = step_of(z, std::max<std::int64_t>(16 * overlap, kExtremumPixelsPerRange / (band * width)));
  const std::int64_t slabs = (z.length + slab - 1) / slab;
  const bool joined = plan.dst.stride[1] == width;

  parallel_for(slabs * bands, 1, plan.context.workers, [&](std::int64_t begin, std::int64_t end) {
    PlaneFilter<Key> filter(plan, y, x);
    const Scratch<Key> planes(capacity * pitch), suffixes(items<Key>(kSuffixBytes) * z.size());
    std::vector<const Key*> rows(static_cast<std::size_t>(capacity));
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t front = item / bands * slab, back = std::min(front + slab, z.length);
      const std::int64_t top = item % bands * band, bottom = std::min(top + band, y.length);
      // Positions count from the first plane of the first window.
      const auto plane_at = [&](std::int64_t position) { return planes.data() + position % capacity * pitch; };
      const auto load = [&](std::int64_t position) {
        const std::int64_t from = z.index(front - z.left + position);
        if (from < 0) std::fill_n(plane_at(position), band * width, plan.cval);
        else filter.run(from, top, bottom, plane_at(position), width);
      };
      for (std::int64_t i = 0; i < overlap; ++i) load(i);
      for (std::int64_t done = 0; done < back - front; done += step) {
        const std::int64_t count = std::min(step, back - front - done);
        for (std::int64_t i = 0; i < count; ++i) load(done + overlap + i);
        const std::int64_t length = joined ? (bottom - top) * width : width;
        for (std::int64_t y_done = 0; y_done < (bottom - top) * width / length; ++y_done) {
          for (std::int64_t i = 0; i < count + overlap; ++i)
            rows[static_cast<std::size_t>(i)] = plane_at(done + i) + y_done * width;
          Key* const out = plan.dst.row(front + done, top + y_done);
          plan.kernels.columns(rows.data(), z.size(), count, out, plan.dst.stride[0], length, suffixes.data());
          for (std::int64_t i = 0; i < count; ++i) plan.decode(out + i * plan.dst.stride[0], length);
        }
      }
    }
  });
  return true;
}

// Extrema along z, of src where nothing came before, else in place in dst: strips of a plane through all planes.
template <class Key>
void filter_depth(const ExtremumPlan<Key>& plan, const ExtremumAxis& z, bool in_place) {
  const auto [depth, height, width] = plan.dst.shape;
  const bool joined = (plan.dst.stride[1] == width && plan.src.stride[1] == width) || height == 1;
  const std::int64_t length = joined ? height * width : width;
  const std::int64_t strip =
      std::min(length, items<Key>(std::clamp<std::int64_t>(kCacheBytes / depth, 64, 4096) / 64 * 64));
  const std::int64_t strips = (length + strip - 1) / strip, pitch = pitch_of<Key>(strip);
  const std::int64_t grain = std::max<std::int64_t>(1, kExtremumPixelsPerRange / (depth * strip));

  parallel_for(
      height * width / length * strips, grain, plan.context.workers, [&](std::int64_t begin, std::int64_t end) {
        const Scratch<Key> staged((depth + 1) * pitch), suffixes(items<Key>(kSuffixBytes) * std::min(z.size(), depth));
        Key* const outside = staged.data() + depth * pitch;
        std::fill_n(outside, pitch, plan.cval);
        std::vector<const Key*> rows(static_cast<std::size_t>(depth + z.size() - 1));
        for (std::int64_t i = 0; i < depth + z.size() - 1; ++i) {
          const std::int64_t from = z.index(i - z.left);
          rows[static_cast<std::size_t>(i)] = from < 0 ? outside : staged.data() + from * pitch;
        }
        for (std::int64_t item = begin; item < end; ++item) {
          const std::int64_t y = item / strips, x = item % strips * strip, n = std::min(strip, length - x);
          for (std::int64_t i = 0; i < depth; ++i) {
            Key* const row = staged.data() + i * pitch;
            std::copy_n((in_place ? plan.dst.row(i, y) : plan.src.row(i, y)) + x, n, row);
            if (!in_place) plan.encode(row, n);
          }
          plan.kernels.columns(rows.data(), z.size(), depth, plan.dst.row(0, y) + x, plan.dst.stride[0], n,
                               suffixes.data());
          for (std::int64_t i = 0; i < depth; ++i) plan.decode(plan.dst.row(i, y) + x, n);
        }
      });
}

template <class T>
struct KeyType {
  using Type = std::conditional_t<std::is_same_v<T, float>, std::int32_t,
                                  std::conditional_t<std::is_same_v<T, double>, std::int64_t, T>>;
};

template <class T>
void run(const View<const T>& src, const View<T>& dst, const ExtremumWindow& window, Extremum extremum,
         Context context) {
  using Key = typename KeyType<T>::Type;
  const ExtremumRows& table = extremum_rows();
  const ExtremumPair<Key>& pair = table.get<Key>();
  ExtremumPlan<Key> plan{{reinterpret_cast<const Key*>(src.data), src.shape, src.stride},
                         {reinterpret_cast<Key*>(dst.data), dst.shape, dst.stride},
                         extremum == Extremum::minimum ? pair.minimum : pair.maximum,
                         {nullptr, nullptr},
                         std::bit_cast<Key>(saturate<T>(window.cval)),
                         context};
  if constexpr (std::is_same_v<T, float>) plan.codec = table.f32;
  if constexpr (std::is_same_v<T, double>) plan.codec = table.f64;
  plan.encode(&plan.cval, 1);
  if (window.footprint != nullptr) return filter_footprint(plan, window);
  const ExtremumAxis z = box_axis(window, src.shape, 0), y = box_axis(window, src.shape, 1),
                     x = box_axis(window, src.shape, 2);
  const bool planes = z.size() == 1 || y.size() > 1 || x.size() > 1;
  if (z.size() > 1 && filter_bands(plan, z, y, x)) return;
  if (planes) filter_planes(plan, y, x, z.size() == 1);
  if (z.size() > 1) filter_depth(plan, z, planes);
}

}  // namespace

namespace cpu {

void extremum_filter(const Image& src, const Image& dst, const ExtremumWindow& window, Extremum extremum,
                     Context context) {
  check_one_shape("extremum_filter", src, dst);
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t first = window.first(axis);
    if (window.size[axis] < 1 || first > 0 || first + window.size[axis] <= 0)
      throw std::invalid_argument("extremum_filter: the window must contain the pixel it belongs to");
  }
  if (window.footprint != nullptr) {
    const std::int64_t places = window.size[0] * window.size[1] * window.size[2];
    if (std::count(window.footprint, window.footprint + places, std::uint8_t{0}) == places)
      throw std::invalid_argument("extremum_filter: the footprint must have a place that takes part");
  }
  if (dst.size() == 0) return;
  dispatch(src.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    with_unit_rows<T>(src.view<const T>(), dst.view<T>(), context.workers,
                      [&](View<const T> in, View<T> out) { run<T>(in, out, window, extremum, context); });
  });
}

}  // namespace cpu
}  // namespace cormack
