#include "features/local_binary_pattern.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "core/parallel.hpp"
#include "core/scratch.hpp"
#include "features/local_binary_pattern_rows.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kGrain = 16;  // rows
// One more voxel is read beyond a point, where its part is 0.
constexpr std::int64_t kBeyond = 1;

std::int64_t reach_of(double offset) { return static_cast<std::int64_t>(std::ceil(std::abs(offset))) + kBeyond; }

// Rows as float64 with `pad` more values at both ends; the last ones that were asked for are kept, at most all of the
// image, and one of zeros.
template <class T>
class PaddedRows {
 public:
  PaddedRows(const View<const T>& image, std::int64_t pad, std::int64_t deep, std::int64_t high, bool extends)
      : image_(image),
        pad_(pad),
        deep_(std::min(2 * deep + 1, image.shape[0])),
        high_(std::min(2 * high + 1, image.shape[1])),
        extends_(extends),
        stride_(image.shape[2] + 2 * pad),
        data_((deep_ * high_ + 1) * stride_),
        held_(deep_ * high_) {
    std::fill_n(held_.data(), deep_ * high_, std::int64_t{-1});
    std::fill_n(data_.data() + deep_ * high_ * stride_, stride_, 0.0);
  }

  // From the first pixel on. Rows beyond the image repeat its nearest one, or, in its slice, are 0.
  const double* operator()(std::int64_t z, std::int64_t y) const {
    if (!extends_ && (y < 0 || y >= image_.shape[1])) return data_.data() + deep_ * high_ * stride_ + pad_;
    z = std::clamp<std::int64_t>(z, 0, image_.shape[0] - 1);
    y = std::clamp<std::int64_t>(y, 0, image_.shape[1] - 1);
    const std::int64_t place = z % deep_ * high_ + y % high_, wanted = z * image_.shape[1] + y;
    double* row = data_.data() + place * stride_ + pad_;
    if (held_[place] != wanted) {
      held_[place] = wanted;
      load(z, y, row);
    }
    return row;
  }

 private:
  void load(std::int64_t z, std::int64_t y, double* row) const {
    const std::int64_t n = image_.shape[2];
    const T* source = image_.row(z, y);
    for (std::int64_t x = 0; x < n; ++x) row[x] = static_cast<double>(source[x * image_.stride[2]]);
    std::fill_n(row - pad_, pad_, extends_ ? row[0] : 0.0);
    std::fill_n(row + n, pad_, extends_ ? row[n - 1] : 0.0);
  }

  View<const T> image_;
  std::int64_t pad_, deep_, high_;
  bool extends_;
  std::int64_t stride_;
  Scratch<double> data_;
  Scratch<std::int64_t> held_;
};

// Codes of the patterns of a row: looked up where there are so few that it pays to find all of them first.
class Codes {
 public:
  Codes(const PatternRule& rule, std::int64_t pixels) : rule_(rule) {
    if (rule.points > 16 || pixels >> rule.points == 0) return;
    const std::int64_t patterns = std::int64_t{1} << rule.points;
    std::vector<std::uint64_t> all(static_cast<std::size_t>(patterns));
    std::iota(all.begin(), all.end(), std::uint64_t{0});
    code_of_.resize(all.size());
    local_binary_pattern_rows().codes(all.data(), patterns, rule, code_of_.data());
  }

  void operator()(const std::uint64_t* pattern, std::int64_t n, double* result) const {
    if (code_of_.empty()) local_binary_pattern_rows().codes(pattern, n, rule_, result);
    else
      for (std::int64_t i = 0; i < n; ++i) result[i] = code_of_[pattern[i]];
  }

 private:
  PatternRule rule_;
  std::vector<double> code_of_;
};

void write_row(const double* values, const View<double>& dst, std::int64_t z, std::int64_t y) {
  double* row = dst.row(z, y);
  for (std::int64_t x = 0; x < dst.shape[2]; ++x) row[x * dst.stride[2]] = values[x];
}

void check(const Image& src, const Image& dst, std::size_t points, std::size_t least, std::size_t most) {
  if (src.shape != dst.shape) throw std::invalid_argument("patterns have the shape of the image");
  if (points < least || points > most) throw std::invalid_argument("a pattern has too few or too many points");
}

template <class T>
void circles(const View<const T>& src, const View<double>& dst, const std::vector<std::array<double, 2>>& points,
             PatternCode code, Context context) {
  const auto count = static_cast<int>(points.size());
  std::int64_t high = 0, wide = 0;
  for (const auto& [y, x] : points) {
    high = std::max(high, reach_of(y));
    wide = std::max(wide, reach_of(x));
  }
  const std::int64_t rows = src.shape[1], n = src.shape[2];
  const bool varies = code == PatternCode::variance;
  const Codes codes({code, count, nullptr}, src.size());
  const auto circle = local_binary_pattern_rows().circle;
  parallel_for(src.shape[0] * rows, kGrain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const PaddedRows<T> row_at(src, wide, 0, high, false);
    Scratch<std::uint64_t> pattern(n);
    Scratch<double> columns(n), sums(n), squares(n), result(n);
    for (std::int64_t x = 0; x < n; ++x) columns[x] = static_cast<double>(x);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t z = i / rows, y = i % rows;
      std::fill_n(pattern.data(), n, std::uint64_t{0});
      std::fill_n(sums.data(), n, 0.0);
      std::fill_n(squares.data(), n, 0.0);
      const double* center = row_at(z, y);
      for (int k = 0; k < count; ++k) {
        const auto [down, right] = points[static_cast<std::size_t>(k)];
        const double at = static_cast<double>(y) + down, top = std::floor(at), left = std::floor(right);
        const auto first = static_cast<std::int64_t>(top), last = static_cast<std::int64_t>(std::ceil(at));
        const auto shift = static_cast<std::int64_t>(left);
        circle(row_at(z, first) + shift, row_at(z, last) + shift, left == right ? 0 : 1, at - top, center,
               columns.data(), right, left, k, n, pattern.data(), varies ? sums.data() : nullptr, squares.data());
      }
      if (varies) {
        for (std::int64_t x = 0; x < n; ++x) {
          // As scikit-image: not the exact zero of equal values, where rounding leaves something.
          const double variance = (squares[x] - sums[x] * sums[x] / count) / count;
          result[x] = variance != 0 ? variance : std::numeric_limits<double>::quiet_NaN();
        }
      } else {
        codes(pattern.data(), n, result.data());
      }
      write_row(result.data(), dst, z, y);
    }
  });
}

template <class T>
void spheres(const View<const T>& src, const View<double>& dst, const std::vector<SpherePoint>& points,
             Context context) {
  const auto count = static_cast<int>(points.size());
  std::array<std::int64_t, 3> reach{};
  for (const SpherePoint& point : points)
    for (std::size_t axis = 0; axis < 3; ++axis) reach[axis] = std::max(reach[axis], reach_of(point.offset[axis]));
  std::vector<std::uint64_t> neighbours;
  neighbours.reserve(points.size());
  for (const SpherePoint& point : points) neighbours.push_back(point.neighbours);
  const Codes codes({PatternCode::uniform, count, neighbours.data()}, src.size());
  const std::int64_t rows = src.shape[1], n = src.shape[2];
  const auto sphere = local_binary_pattern_rows().sphere;
  parallel_for(src.shape[0] * rows, kGrain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    const PaddedRows<T> row_at(src, reach[2], reach[0], reach[1], true);
    Scratch<std::uint64_t> pattern(n);
    Scratch<double> result(n);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t z = i / rows, y = i % rows;
      std::fill_n(pattern.data(), n, std::uint64_t{0});
      const double* center = row_at(z, y);
      for (int k = 0; k < count; ++k) {
        std::int64_t first[3];
        double parts[3];
        for (std::size_t axis = 0; axis < 3; ++axis) {
          const double offset = points[static_cast<std::size_t>(k)].offset[axis], below = std::floor(offset);
          first[axis] = static_cast<std::int64_t>(below);
          parts[axis] = offset - below;
        }
        const double* around[4];
        for (int corner = 0; corner < 4; ++corner)
          around[corner] = row_at(z + first[0] + corner / 2, y + first[1] + corner % 2) + first[2];
        sphere(around, parts, center, k, n, pattern.data());
      }
      codes(pattern.data(), n, result.data());
      write_row(result.data(), dst, z, y);
    }
  });
}

}  // namespace

namespace cpu {

void local_binary_pattern(const Image& src, const Image& dst, const std::vector<std::array<double, 2>>& points,
                          PatternCode code, Context context) {
  const bool numbered = code == PatternCode::plain || code == PatternCode::rotated;
  check(src, dst, points.size(), 1, numbered ? 31 : 64);
  if (src.size() == 0) return;
  dispatch(src.dtype, [&](auto t) {
    using T = decltype(t);
    circles(src.view<const T>(), dst.view<double>(), points, code, context);
  });
}

void local_binary_pattern_sphere(const Image& src, const Image& dst, const std::vector<SpherePoint>& points,
                                 Context context) {
  check(src, dst, points.size(), 2, 64);
  if (src.size() == 0) return;
  dispatch(src.dtype, [&](auto t) {
    using T = decltype(t);
    spheres(src.view<const T>(), dst.view<double>(), points, context);
  });
}

}  // namespace cpu
}  // namespace cormack
