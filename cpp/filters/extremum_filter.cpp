#include "filters/extremum_filter.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>
#include <vector>

#include "core/parallel.hpp"
#include "core/saturate.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/extremum_filter_rows.hpp"

namespace cormack {
namespace {

// A quarter of a common second-level cache.
constexpr std::int64_t kCacheBytes = 256 * 1024;
constexpr std::int64_t kPixelsPerRange = 262144;

template <class Key>
constexpr std::int64_t bytes(std::int64_t count) {
  return count * static_cast<std::int64_t>(sizeof(Key));
}
template <class Key>
constexpr std::int64_t items(std::int64_t byte_count) {
  return byte_count / static_cast<std::int64_t>(sizeof(Key));
}
// The distance of rows of n values: whole cache lines, an odd number of them, so that a column of rows spreads over the
// sets of a cache.
template <class Key>
constexpr std::int64_t pitch_of(std::int64_t n) {
  const std::int64_t lines = (bytes<Key>(n) + kRowSlack + 63) / 64;
  return items<Key>(64 * (lines | 1));
}

struct Axis {
  std::int64_t length, left, right;
  Border border;

  std::int64_t size() const { return left + 1 + right; }
  std::int64_t index(std::int64_t i) const { return border_index(i, length, border); }
};

// A window that reaches twice the image's length beyond its border sees every value already.
Axis box_axis(const ExtremumWindow& window, const std::array<std::int64_t, 3>& shape, int axis) {
  const std::int64_t left = -window.first(axis), right = window.size[axis] - 1 - left, reach = 2 * shape[axis];
  return {shape[axis], std::min(left, reach), std::min(right, reach), window.border[axis]};
}

// Both with unit rows; floating point as the bits of integers.
template <class Key>
struct Plan {
  View<const Key> src;
  View<Key> dst;
  const ExtremumKernels<Key>& kernels;
  KeyCodec<Key> codec;  // null for integers
  Key cval;
  Context context;

  void encode(Key* row, std::int64_t n) const {
    if (codec.encode != nullptr) codec.encode(row, n);
  }
  void decode(Key* row, std::int64_t n) const {
    if (codec.decode != nullptr) codec.decode(row, n);
  }
  // A row of keys that is continued beyond the border, from the start of its first window.
  void load_row(std::int64_t z, std::int64_t y, const Axis& x, Key* row) const {
    std::copy_n(src.row(z, y), x.length, row + x.left);
    encode(row + x.left, x.length);
    extend_row(row + x.left, x.length, x.left, x.right, x.border, cval);
  }
};

// Windows that go together: whole blocks of them, whose rows stay in the first-level cache.
std::int64_t step_of(const Axis& axis, std::int64_t least) {
  return (least + axis.size() - 1) / axis.size() * axis.size();
}

// Extrema along y and x of bands of rows. For one thread.
template <class Key>
class PlaneFilter {
 public:
  PlaneFilter(const Plan<Key>& plan, const Axis& y, const Axis& x)
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

  const Plan<Key>& plan_;
  const Axis y_, x_;
  const std::int64_t step_, capacity_;
  const bool whole_;
  const std::int64_t pitch_, line_pitch_;
  const Scratch<Key> lines_, filtered_, suffixes_;
  std::vector<const Key*> rows_;
};

// Extrema along y and x: the result, or keys for the pass along z.
template <class Key>
void filter_planes(const Plan<Key>& plan, const Axis& y, const Axis& x, bool finish) {
  const std::int64_t band = std::min(y.length, step_of(y, std::max(kPixelsPerRange / x.length, 8 * y.size())));
  const std::int64_t bands = (y.length + band - 1) / band;
  const std::int64_t grain = std::max<std::int64_t>(1, kPixelsPerRange / (band * x.length));
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
bool filter_bands(const Plan<Key>& plan, const Axis& z, const Axis& y, const Axis& x) {
  const std::int64_t width = x.length, step = step_of(z, 4), overlap = z.size() - 1, capacity = step + overlap;
  const std::int64_t fitting = 2 * kCacheBytes / (capacity * bytes<Key>(width));
  const std::int64_t band = std::min(y.length, fitting);
  if (band < y.length && band < std::max<std::int64_t>(4, 4 * (y.size() - 1))) return false;
  const std::int64_t bands = (y.length + band - 1) / band, pitch = pitch_of<Key>(band * width);
  // A thick slab, since it starts with the planes of a whole window.
  const std::int64_t slab = step_of(z, std::max<std::int64_t>(16 * overlap, kPixelsPerRange / (band * width)));
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
void filter_depth(const Plan<Key>& plan, const Axis& z, bool in_place) {
  const auto [depth, height, width] = plan.dst.shape;
  const bool joined = (plan.dst.stride[1] == width && plan.src.stride[1] == width) || height == 1;
  const std::int64_t length = joined ? height * width : width;
  const std::int64_t strip =
      std::min(length, items<Key>(std::clamp<std::int64_t>(kCacheBytes / depth, 64, 4096) / 64 * 64));
  const std::int64_t strips = (length + strip - 1) / strip, pitch = pitch_of<Key>(strip);
  const std::int64_t grain = std::max<std::int64_t>(1, kPixelsPerRange / (depth * strip));

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

// Values of the footprint that follow each other along x.
struct Run {
  std::int64_t z, y, x, length;
};

std::vector<Run> runs_of(const ExtremumWindow& window) {
  std::vector<Run> runs;
  const std::uint8_t* place = window.footprint;
  for (std::int64_t z = 0; z < window.size[0]; ++z) {
    for (std::int64_t y = 0; y < window.size[1]; ++y) {
      for (std::int64_t x = 0; x < window.size[2]; ++x) {
        if (*place++ == 0) continue;
        if (x > 0 && place[-2] != 0) ++runs.back().length;
        else runs.push_back({z, y, x, 1});
      }
    }
  }
  return runs;
}

// Windows along x that make up the runs: the lengths of the runs, and between them as many more as make each at most
// twice the one before it; powers of two alone where that is too many.
std::vector<std::int64_t> lengths_of(const std::vector<Run>& runs) {
  constexpr std::size_t kMost = 12;
  std::vector<std::int64_t> wanted, lengths{1};
  for (const Run& run : runs) wanted.push_back(run.length);
  std::sort(wanted.begin(), wanted.end());
  for (const std::int64_t length : wanted) {
    while (2 * lengths.back() < length) lengths.push_back(2 * lengths.back());
    if (length != lengths.back()) lengths.push_back(length);
  }
  if (lengths.size() <= kMost) return lengths;
  lengths.assign(1, 1);
  while (2 * lengths.back() <= wanted.back()) lengths.push_back(2 * lengths.back());
  return lengths;
}

// A value of a filtered row: lengths[level] values of the window from x on.
struct Tap {
  std::int64_t z, y, x, level;
};

std::vector<Tap> taps_of(const std::vector<Run>& runs, const std::vector<std::int64_t>& lengths) {
  std::vector<Tap> taps;
  for (const Run& run : runs) {
    const auto level = std::upper_bound(lengths.begin(), lengths.end(), run.length) - lengths.begin() - 1;
    const std::int64_t rest = run.length - lengths[static_cast<std::size_t>(level)];
    taps.push_back({run.z, run.y, run.x, level});
    if (rest > 0) taps.push_back({run.z, run.y, run.x + rest, level});
  }
  return taps;
}

template <class Key>
void filter_footprint(const Plan<Key>& plan, const ExtremumWindow& window) {
  constexpr std::int64_t kBand = 32, kSlices = 8;
  const auto [depth, height, width] = plan.src.shape;
  const auto axis = [&](int a) {
    return Axis{plan.src.shape[a], -window.first(a), window.size[a] - 1 + window.first(a), window.border[a]};
  };
  const Axis z_axis = axis(0), y_axis = axis(1), x_axis = axis(2);
  const std::vector<Run> runs = runs_of(window);
  const std::vector<std::int64_t> lengths = lengths_of(runs);
  const std::vector<Tap> taps = taps_of(runs, lengths);
  const auto levels = static_cast<std::int64_t>(lengths.size()), count = static_cast<std::int64_t>(taps.size());
  const std::int64_t full = width + x_axis.size() - 1, pitch = pitch_of<Key>(full);
  // Slices together share the rows between them.
  const std::int64_t slices = window.size[0] == 1 ? 1 : std::min(depth, kSlices), planes = slices + window.size[0] - 1;
  const std::int64_t blocks = (depth + slices - 1) / slices, bands = (height + kBand - 1) / kBand;
  const std::int64_t grain = std::max<std::int64_t>(1, kPixelsPerRange / (slices * kBand * width * count));

  parallel_for(blocks * bands, grain, plan.context.workers, [&](std::int64_t begin, std::int64_t end) {
    // Of the source row at window row y, plane z and level l, where y counts modulo the window's height.
    const Scratch<Key> cache(window.size[1] * planes * levels * pitch);
    const auto cached = [&](std::int64_t z, std::int64_t y, std::int64_t level) {
      return cache.data() + ((y % window.size[1] * planes + z) * levels + level) * pitch;
    };
    std::vector<const Key*> rows(taps.size());
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t first = item / bands * slices, top = item % bands * kBand;
      const std::int64_t bottom = std::min(height, top + kBand), here = std::min(slices, depth - first);
      const auto load = [&](std::int64_t y) {
        for (std::int64_t z = 0; z < here + window.size[0] - 1; ++z) {
          Key* row = cached(z, y, 0);
          const std::int64_t from_z = z_axis.index(first - z_axis.left + z), from_y = y_axis.index(y - y_axis.left);
          if (from_z < 0 || from_y < 0) std::fill_n(row, full, plan.cval);
          else plan.load_row(from_z, from_y, x_axis, row);
          for (std::int64_t level = 1; level < levels; ++level, row += pitch) {
            const std::int64_t length = lengths[static_cast<std::size_t>(level)];
            const Key* const halves[] = {row, row + length - lengths[static_cast<std::size_t>(level - 1)]};
            plan.kernels.join(halves, 2, row + pitch, full - length + 1);
          }
        }
      };
      for (std::int64_t y = top; y < top + window.size[1] - 1; ++y) load(y);
      for (std::int64_t y = top; y < bottom; ++y) {
        load(y + window.size[1] - 1);
        for (std::int64_t z = 0; z < here; ++z) {
          for (std::size_t i = 0; i < taps.size(); ++i)
            rows[i] = cached(z + taps[i].z, y + taps[i].y, taps[i].level) + taps[i].x;
          Key* const out = plan.dst.row(first + z, y);
          plan.kernels.join(rows.data(), count, out, width);
          plan.decode(out, width);
        }
      }
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
  Plan<Key> plan{{reinterpret_cast<const Key*>(src.data), src.shape, src.stride},
                 {reinterpret_cast<Key*>(dst.data), dst.shape, dst.stride},
                 extremum == Extremum::minimum ? pair.minimum : pair.maximum,
                 {nullptr, nullptr},
                 std::bit_cast<Key>(saturate<T>(window.cval)),
                 context};
  if constexpr (std::is_same_v<T, float>) plan.codec = table.f32;
  if constexpr (std::is_same_v<T, double>) plan.codec = table.f64;
  plan.encode(&plan.cval, 1);
  if (window.footprint != nullptr) return filter_footprint(plan, window);
  const Axis z = box_axis(window, src.shape, 0), y = box_axis(window, src.shape, 1), x = box_axis(window, src.shape, 2);
  const bool planes = z.size() == 1 || y.size() > 1 || x.size() > 1;
  if (z.size() > 1 && filter_bands(plan, z, y, x)) return;
  if (planes) filter_planes(plan, y, x, z.size() == 1);
  if (z.size() > 1) filter_depth(plan, z, planes);
}

}  // namespace

namespace cpu {

void extremum_filter(const Image& src, const Image& dst, const ExtremumWindow& window, Extremum extremum,
                     Context context) {
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
