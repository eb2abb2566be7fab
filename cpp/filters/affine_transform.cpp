#include "filters/affine_transform.hpp"

#include <cstdlib>
#include <limits>

#include "core/parallel.hpp"
#include "filters/affine_transform_rows.hpp"
#include "filters/resample_axes.hpp"

namespace cormack {
namespace {

// As SciPy does before it makes a spline of an image that goes on as its border.
constexpr std::int64_t kSplinePad = 12;

// The voxels [begin, end) of a line.
struct Span {
  std::int64_t begin, end;
};

struct Bounds {
  double low, high;
  bool closed;  // whether high itself is inside

  bool beyond(double position) const { return closed ? position > high : position >= high; }
  bool everywhere() const { return std::isinf(low); }
  bool contains(double position) const { return position >= low && !beyond(position); }
};

Bounds bounds_of(Edge edge, std::int64_t n) {
  const double last = static_cast<double>(n - 1);
  if (edge == Edge::centres) return {0.0, last, true};
  if (edge == Edge::voxels) return {-0.5, last + 0.5, false};
  constexpr double all = std::numeric_limits<double>::infinity();
  return {-all, all, true};
}

// Where spans of positions start + i * step, i in [0, n), lie inside. Positions grow or fall with i, also as rounded,
// so that what is inside hangs together.
Span inside_span(double start, double step, std::int64_t n, const Bounds& bounds) {
  const auto at = [&](std::int64_t i) { return on_step(start + static_cast<double>(i) * step); };
  if (n == 0) return {0, 0};
  // Even what is no number there: sums of huge steps.
  if (bounds.everywhere()) return {0, n};
  if (bounds.contains(at(0)) && bounds.contains(at(n - 1))) return {0, n};
  if (step == 0.0) return {0, 0};
  const bool up = step > 0;
  // Of the end that is met first, and of the other.
  const auto before = [&](std::int64_t i) { return up ? !(at(i) >= bounds.low) : bounds.beyond(at(i)); };
  const auto after = [&](std::int64_t i) { return up ? bounds.beyond(at(i)) : !(at(i) >= bounds.low); };
  const auto near = [&](double bound) {
    const double i = std::ceil((bound - start) / step);
    return i > 0 ? (i < static_cast<double>(n) ? static_cast<std::int64_t>(i) : n) : std::int64_t{0};
  };
  std::int64_t begin = near(up ? bounds.low : bounds.high), end = near(up ? bounds.high : bounds.low);
  while (begin > 0 && !before(begin - 1)) --begin;
  while (begin < n && before(begin)) ++begin;
  if (end < begin) end = begin;
  while (end > begin && after(end - 1)) --end;
  while (end < n && !after(end)) ++end;
  return {begin, end};
}

// Where each axis of src runs along one axis of dst at most, and no two along the same.
struct Permutation {
  bool found;
  std::array<int, 3> of;  // of[a]: the axis of src that runs along axis a of dst
};

Permutation permutation_of(const std::array<double, 9>& matrix) {
  std::array<int, 3> of{-1, -1, -1};
  std::array<bool, 3> placed{};
  for (int s = 0; s < 3; ++s) {
    for (int d = 0; d < 3; ++d) {
      if (matrix[3 * static_cast<std::size_t>(s) + static_cast<std::size_t>(d)] == 0.0) continue;
      if (placed[static_cast<std::size_t>(s)] || of[static_cast<std::size_t>(d)] >= 0) return {false, {}};
      placed[static_cast<std::size_t>(s)] = true;
      of[static_cast<std::size_t>(d)] = s;
    }
  }
  for (int s = 0; s < 3; ++s) {
    if (placed[static_cast<std::size_t>(s)]) continue;
    // It stands still. Its own axis first, where that is free.
    const auto own = static_cast<std::size_t>(s);
    std::size_t d = of[own] < 0 ? own : 0;
    while (of[d] >= 0) ++d;
    of[d] = s;
  }
  return {true, of};
}

void fill(const Image& dst, Span z, Span y, Span x, double cval, int workers) {
  if (z.begin >= z.end || y.begin >= y.end || x.begin >= x.end) return;
  const std::int64_t n = x.end - x.begin;
  parallel_for((z.end - z.begin) * (y.end - y.begin), std::max<std::int64_t>(1, 32768 / n), workers,
               [&](std::int64_t begin, std::int64_t end) {
                 const Scratch<double> row(n);
                 for (std::int64_t i = begin; i < end; ++i) {
                   for (std::int64_t k = 0; k < n; ++k) row[k] = cval;
                   store_row(row.data(), dst, z.begin + i / (y.end - y.begin), y.begin + i % (y.end - y.begin), x.begin,
                             n);
                 }
               });
}

// What the interpolation may do with positions that are inside.
AxisRange range_of(Edge edge, Interpolation interpolation, std::int64_t n) {
  const double last = static_cast<double>(n - 1);
  if (interpolation != Interpolation::cubic || edge == Edge::centres || n < 2) return {0.0, last};
  if (edge == Edge::voxels) return {-0.5, last + 0.5};
  constexpr auto pad = static_cast<double>(kSplinePad);
  return {-pad, last + pad, kSplinePad};
}

void along_axes(const Image& src, const Image& dst, const AffineMap& map, const std::array<int, 3>& of,
                Interpolation interpolation, Edge edge, double cval, Context context) {
  Image turned = src, part = dst;
  std::array<Taps, 3> taps;
  std::array<Span, 3> inside;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const auto from = static_cast<std::size_t>(of[axis]);
    turned.shape[axis] = src.shape[from];
    turned.stride[axis] = src.stride[from];
    const double start = map.offset[from], step = map.matrix[3 * from + axis];
    const std::int64_t n = src.shape[from];
    const Span span = inside_span(start, step, dst.shape[axis], bounds_of(edge, n));
    const AxisRange range = range_of(edge, interpolation, n);
    std::vector<double> positions(static_cast<std::size_t>(span.end - span.begin));
    // Steps of 1e308 soon lead to infinity.
    for (std::int64_t i = span.begin; i < span.end; ++i)
      positions[static_cast<std::size_t>(i - span.begin)] =
          std::clamp(start + static_cast<double>(i) * step, range.low, range.high);
    taps[axis] = taps_of(positions, n, interpolation, range);
    inside[axis] = span;
    part.shape[axis] = span.end - span.begin;
    part.data =
        static_cast<char*>(part.data) + span.begin * dst.stride[axis] * static_cast<std::int64_t>(item_size(dst.dtype));
  }
  const auto [z, y, x] = inside;
  const std::int64_t depth = dst.shape[0], height = dst.shape[1], width = dst.shape[2];
  fill(dst, {0, z.begin}, {0, height}, {0, width}, cval, context.workers);
  fill(dst, {z.end, depth}, {0, height}, {0, width}, cval, context.workers);
  fill(dst, z, {0, y.begin}, {0, width}, cval, context.workers);
  fill(dst, z, {y.end, height}, {0, width}, cval, context.workers);
  fill(dst, z, y, {0, x.begin}, cval, context.workers);
  fill(dst, z, y, {x.end, width}, cval, context.workers);
  if (part.size() > 0) resample_taps(turned, part, taps, context);
}

// `sample` fills part of a row: sample(line, first, count, row).
template <class F>
void along_lines(const Image& src, const Image& dst, const AffineMap& map, AffineLine line,
                 const std::array<Bounds, 3>& bounds, double cval, int workers, F&& sample) {
  const std::int64_t height = dst.shape[1], width = dst.shape[2];
  for (std::size_t axis = 0; axis < 3; ++axis) line.step[axis] = map.matrix[3 * axis + 2];
  line.planar = src.ndim == 2;
  const std::int64_t reach = std::abs(line.stride[0]) * line.shape[0] + std::abs(line.stride[1]) * line.shape[1];
  line.is_small = reach + line.shape[2] < std::numeric_limits<std::int32_t>::max();
  parallel_for(dst.shape[0] * height, std::max<std::int64_t>(1, 4096 / width), workers,
               [&](std::int64_t begin, std::int64_t end) {
                 const Scratch<double> row(width);
                 AffineLine own = line;
                 for (std::int64_t i = begin; i < end; ++i) {
                   const std::int64_t z = i / height, y = i % height;
                   Span span{0, width};
                   for (std::size_t axis = 0; axis < 3; ++axis) {
                     const double start = (map.matrix[3 * axis] * static_cast<double>(z) +
                                           map.matrix[3 * axis + 1] * static_cast<double>(y)) +
                                          map.offset[axis];
                     const Span here = inside_span(start, own.step[axis], width, bounds[axis]);
                     span = {std::max(span.begin, here.begin), std::min(span.end, here.end)};
                     own.start[axis] = start;
                   }
                   if (span.end <= span.begin) span = {0, 0};
                   for (std::int64_t x = 0; x < span.begin; ++x) row[x] = cval;
                   for (std::int64_t x = span.end; x < width; ++x) row[x] = cval;
                   sample(own, span.begin, span.end - span.begin, row.data() + span.begin);
                   store_row(row.data(), dst, z, y, 0, width);
                 }
               });
}

void at_any_angle(const Image& src, const Image& dst, AffineMap map, Interpolation interpolation, Edge edge,
                  double cval, int workers) {
  std::array<Bounds, 3> bounds;
  AffineLine line{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    bounds[axis] = bounds_of(edge, src.shape[axis]);
    const AxisRange range = range_of(edge, interpolation, src.shape[axis]);
    line.low[axis] = range.low;
    line.high[axis] = range.high;
  }
  if (interpolation == Interpolation::cubic) {
    std::array<std::int64_t, 3> pad{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      pad[axis] = range_of(edge, interpolation, src.shape[axis]).pad;
      const auto by = static_cast<double>(pad[axis]);
      map.offset[axis] += by;
      line.low[axis] += by;
      line.high[axis] += by;
    }
    const SplineImage spline(src, {true, true, true}, pad, workers);
    const auto& image = spline.view();
    for (std::size_t axis = 0; axis < 3; ++axis) {
      line.shape[axis] = image.shape[axis];
      if (axis < 2) line.stride[axis] = image.stride[axis];
    }
    const auto cubic = affine_rows().cubic;
    along_lines(src, dst, map, line, bounds, cval, workers,
                [&](const AffineLine& own, std::int64_t first, std::int64_t n, double* row) {
                  cubic(image.data, own, first, n, row);
                });
    return;
  }
  for (std::size_t axis = 0; axis < 3; ++axis) {
    line.shape[axis] = src.shape[axis];
    if (axis < 2) line.stride[axis] = src.stride[axis];
  }
  dispatch(src.dtype, [&](auto t) {
    using T = decltype(t);
    const auto& table = interpolation == Interpolation::nearest ? affine_rows().nearest : affine_rows().linear;
    const AffineRow<T> sample = table.template get<T>();
    const T* data = static_cast<const T*>(src.data);
    along_lines(src, dst, map, line, bounds, cval, workers,
                [&](const AffineLine& own, std::int64_t first, std::int64_t n, double* row) {
                  sample(data, own, first, n, row);
                });
  });
}

}  // namespace

namespace cpu {

void affine_transform(const Image& src, const Image& dst, const AffineMap& map, Interpolation interpolation, Edge edge,
                      double cval, Context context) {
  constexpr std::int64_t longest = std::numeric_limits<std::int32_t>::max() / 2;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (src.shape[axis] > longest || dst.shape[axis] > longest)
      throw std::invalid_argument("affine_transform: an axis is too long");
  for (const double value : map.matrix)
    if (!std::isfinite(value)) throw std::invalid_argument("affine_transform: `matrix` must be finite");
  for (const double value : map.offset)
    if (!std::isfinite(value)) throw std::invalid_argument("affine_transform: `offset` must be finite");
  if (src.ndim != dst.ndim) throw std::invalid_argument("affine_transform: images must have the same number of axes");
  if (dst.size() == 0) return;
  if (dst.stride[2] != 1 && dst.shape[2] > 1)
    throw std::invalid_argument("affine_transform: `dst` must have unit rows");
  if (src.size() == 0) throw std::invalid_argument("affine_transform: `src` is empty");
  AffineMap own = map;
  if (src.ndim == 2) {
    own.matrix[1] = own.matrix[2] = own.matrix[3] = own.matrix[6] = own.offset[0] = 0.0;
    own.matrix[0] = 1.0;
  }
  const Permutation permutation = permutation_of(own.matrix);
  if (permutation.found) {
    along_axes(src, dst, own, permutation.of, interpolation, edge, cval, context);
    return;
  }
  with_unit_source(src, context.workers, [&](const Image& source) {
    at_any_angle(source, dst, own, interpolation, edge, cval, context.workers);
  });
}

}  // namespace cpu
}  // namespace cormack
