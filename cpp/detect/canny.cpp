#include "detect/canny.hpp"

#include <bit>
#include <cmath>

#include "core/check.hpp"
#include "detect/canny_stream.hpp"
#include "segment/bit_image_rows.hpp"
#include "segment/flood.hpp"

namespace cormack {
namespace {

using Word = std::uint64_t;

// Calls f with the type that is stored and the one that is computed in.
template <class F>
decltype(auto) dispatch_precision(DType dtype, int ndim, F&& f) {
  if (ndim == 2) return dtype == DType::f32 ? f(float{}, double{}) : f(double{}, double{});
  return canny_stores_double(dtype, ndim) ? f(double{}, double{}) : f(float{}, float{});
}

// From a voxel along its gradient to the face of the cell of neighbours around it: `main` is the axis of that face, and
// the step along it is 1 or -1.
struct Direction {
  double step[3];
  int main, b, c;
};

template <class S>
Direction direction_of(const CannyRow<S>& row, std::int64_t x, const double* spacing) {
  Direction along{{0, 0, 0}, 2, 0, 0};
  for (int axis = 0; axis < 3; ++axis)
    if (row.gradient[axis] != nullptr) along.step[axis] = static_cast<double>(row.gradient[axis][x]) / spacing[axis];
  for (int axis = 1; axis >= 0; --axis)
    if (std::abs(along.step[axis]) > std::abs(along.step[along.main])) along.main = axis;
  along.b = along.main == 0 ? 1 : 0;
  along.c = along.main == 2 ? 1 : 2;
  const double length = std::abs(along.step[along.main]);
  for (double& part : along.step) part /= length;
  return along;
}

// The strength on the face, `side` steps ahead, by parabolas through its nine voxels: the lines that decide what is a
// ridge would lie below it.
template <class S>
double on_parabolas(const CannyRow<S>& row, std::int64_t x, const Direction& along, int side) {
  const auto parabola = [](double t, const auto& value) {
    return 0.5 * t * (t - 1) * value(-1) + (1 - t * t) * value(0) + 0.5 * t * (t + 1) * value(1);
  };
  int d[3] = {0, 0, 0};
  d[along.main] = along.step[along.main] > 0 ? side : -side;
  const auto line = [&](int shift) {
    d[along.b] = shift;
    return parabola(side * along.step[along.c], [&](int k) {
      d[along.c] = k;
      return static_cast<double>(row.strength[d[0] + 1][d[1] + 1][x + d[2]]);
    });
  };
  if (row.gradient[0] == nullptr) return line(0);
  return parabola(side * along.step[along.b], line);
}

// The top of a bell curve through three strengths, at most a step away; of a parabola where one is not positive.
double top_of_ridge(double here, double behind, double ahead) {
  if (behind > 0 && ahead > 0) {
    behind = std::log(behind / here);
    ahead = std::log(ahead / here);
    here = 0;
  }
  const double bend = behind - 2 * here + ahead;
  return bend < 0 ? std::clamp(0.5 * (behind - ahead) / bend, -1.0, 1.0) : 0;
}

// The pixels whose neighbours are all inside: of a row of the mask, or of the image.
class Interior {
 public:
  Interior(const Image& image, const Image* mask, int workers)
      : ndim_(image.ndim), shape_(image.shape), words_((image.shape[2] + 63) / 64) {
    if (mask == nullptr) return;
    inside_ = std::make_unique<BitImage>(image.shape);
    nonzero_bits(*mask, false, *inside_, workers);
  }

  // False: none is.
  bool row(std::int64_t z, std::int64_t y, Word* bits) const {
    const std::int64_t n = shape_[2];
    if (y == 0 || y == shape_[1] - 1 || n < 3) return false;
    if (ndim_ == 3 && (z == 0 || z == shape_[0] - 1)) return false;
    for (std::int64_t w = 0; w < words_; ++w) bits[w] = ~Word{0};
    bits[0] &= ~Word{1};
    const std::int64_t used = n - 1 - (words_ - 1) * 64;
    bits[words_ - 1] &= (Word{1} << used) - 1;
    if (!inside_) return true;
    const std::int64_t reach = ndim_ == 3 ? 1 : 0;
    for (std::int64_t dz = -reach; dz <= reach; ++dz) {
      for (std::int64_t dy = -1; dy <= 1; ++dy) {
        const Word* row = inside_->data() + inside_->index(z + dz, y + dy);
        for (std::int64_t w = 0; w < words_; ++w)
          bits[w] &= row[w] & (row[w] << 1 | row[w - 1] >> 63) & (row[w] >> 1 | row[w + 1] << 63);
      }
    }
    return true;
  }

 private:
  int ndim_;
  std::array<std::int64_t, 3> shape_;
  std::int64_t words_;
  std::unique_ptr<BitImage> inside_;
};

template <class S, class A>
void find_ridges(const Image& src, const CannyFilter& filter, CannyThresholds thresholds, BitImage& weak,
                 BitImage& strong, Context context) {
  const Interior interior(src, filter.mask, context.workers);
  // Where nothing changes there is no edge, whatever the threshold.
  const S low = static_cast<S>(thresholds.low > 0 ? thresholds.low : 1e-14), high = static_cast<S>(thresholds.high);
  const bool flat = src.ndim == 2;
  const double spacing[3] = {filter.axes[0].spacing, filter.axes[1].spacing, filter.axes[2].spacing};
  const std::int64_t cols = src.shape[2], words = weak.words;
  const auto above = bit_image_rows().range.template get<S>();
  const auto& loops = canny_rows().template get<S, A>();
  const auto ridges = flat ? loops.ridges_2d : loops.ridges_3d;
  struct Memory {
    explicit Memory(std::int64_t count) : bits(2 * count), places(64 * count), ridge(64 * count) {}
    Scratch<Word> bits;
    Scratch<std::int32_t> places;
    Scratch<std::uint8_t> ridge;
  };
  canny_stream<S, A>(src, filter, context, [&] {
    return [&, memory = std::make_unique<Memory>(words)](const CannyRow<S>& row) {
      Word* const inside = memory->bits.data();
      Word* const candidates = inside + words;
      if (!interior.row(row.z, row.y, inside)) return;
      const S* strength = row.strength[1][1];
      above(strength, candidates, cols, low, std::numeric_limits<S>::infinity(), 0);
      std::int32_t* const places = memory->places.data();
      std::int64_t count = 0;
      for (std::int64_t w = 0; w < words; ++w)
        for (Word left = candidates[w] & inside[w]; left != 0; left &= left - 1)
          places[count++] = static_cast<std::int32_t>(w * 64 + std::countr_zero(left));
      if (count == 0) return;
      std::int64_t near[9];
      for (int k = 0; k < 9; ++k)
        near[k] = row.strength[k / 3][k % 3] == nullptr ? 0 : row.strength[k / 3][k % 3] - strength;
      ridges(memory->ridge.data(), places, count, strength, near, row.gradient, spacing);
      Word* const weak_row = weak.data() + weak.index(row.z, row.y);
      Word* const strong_row = strong.data() + strong.index(row.z, row.y);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int32_t x = places[i];
        const Word ridge = memory->ridge[i];
        weak_row[x / 64] |= ridge << x % 64;
        strong_row[x / 64] |= (ridge & static_cast<Word>(strength[x] >= high)) << x % 64;
      }
    };
  });
}

// Leaves the edges in the region of a flood over `weak`.
void find_edges(const Image& src, const CannyFilter& filter, CannyThresholds thresholds, BitImage& weak, Flood& flood,
                Context context) {
  BitImage strong(src.shape);
  dispatch_precision(src.dtype, src.ndim, [&](auto stored, auto computed) {
    find_ridges<decltype(stored), decltype(computed)>(src, filter, thresholds, weak, strong, context);
  });
  for (std::int64_t r = 0; r < strong.row_count(); ++r) {
    const Word* row = strong.row(r);
    const std::int64_t index = row - strong.data();
    for (std::int64_t w = 0; w < strong.words; ++w)
      if (row[w] != 0) flood.start(index + w, row[w]);
  }
  flood.grow();
}

void check(const Image& src, const CannyFilter& filter) {
  for (const CannyAxis& axis : filter.axes)
    if (axis.weights.empty() || !(axis.spacing > 0)) throw std::invalid_argument("canny: an axis without weights");
  check_mask("canny", src, filter.mask);
}

}  // namespace

namespace cpu {

void canny_strength(const Image& src, const Image& dst, const CannyFilter& filter, Context context) {
  check_one_shape("canny_strength", src, dst);
  check(src, filter);
  if (src.size() == 0) return;
  dispatch_precision(src.dtype, src.ndim, [&](auto stored, auto computed) {
    using S = decltype(stored);
    const View<S> out = dst.view<S>();
    canny_stream<S, decltype(computed)>(src, filter, context, [&] {
      return [&](const CannyRow<S>& row) {
        const S* strength = row.strength[1][1];
        for (std::int64_t x = 0; x < out.shape[2]; ++x) out.at(row.z, row.y, x) = strength[x];
      };
    });
  });
}

void canny(const Image& src, const Image& dst, const CannyFilter& filter, CannyThresholds thresholds, Context context) {
  check_one_shape("canny", src, dst);
  check(src, filter);
  if (src.size() == 0) return;
  BitImage weak(src.shape);
  Flood flood(weak, src.ndim);
  find_edges(src, filter, thresholds, weak, flood, context);
  expand_bits(flood.region(), dst, context.workers);
}

std::vector<double> canny_points(const Image& src, const CannyFilter& filter, CannyThresholds thresholds,
                                 Context context) {
  check(src, filter);
  if (src.size() == 0) return {};
  BitImage weak(src.shape);
  Flood flood(weak, src.ndim);
  find_edges(src, filter, thresholds, weak, flood, context);
  const BitImage& edges = flood.region();
  std::vector<std::int64_t> first(static_cast<std::size_t>(edges.row_count()) + 1);
  for (std::int64_t r = 0; r < edges.row_count(); ++r) {
    std::int64_t count = 0;
    for (std::int64_t w = 0; w < edges.words; ++w) count += std::popcount(edges.row(r)[w]);
    first[static_cast<std::size_t>(r) + 1] = first[static_cast<std::size_t>(r)] + count;
  }
  std::vector<double> points(static_cast<std::size_t>(3 * first.back()));
  const double spacing[3] = {filter.axes[0].spacing, filter.axes[1].spacing, filter.axes[2].spacing};
  dispatch_precision(src.dtype, src.ndim, [&](auto stored, auto computed) {
    using S = decltype(stored);
    canny_stream<S, decltype(computed)>(src, filter, context, [&] {
      return [&](const CannyRow<S>& row) {
        const std::int64_t r = row.z * src.shape[1] + row.y;
        double* out = points.data() + 3 * first[static_cast<std::size_t>(r)];
        for (std::int64_t w = 0; w < edges.words; ++w) {
          for (Word left = edges.row(r)[w]; left != 0; left &= left - 1) {
            const std::int64_t x = w * 64 + std::countr_zero(left);
            const Direction along = direction_of(row, x, spacing);
            const double shift = top_of_ridge(static_cast<double>(row.strength[1][1][x]),
                                              on_parabolas(row, x, along, -1), on_parabolas(row, x, along, 1));
            const std::int64_t place[3] = {row.z, row.y, x};
            for (int axis = 0; axis < 3; ++axis) *out++ = static_cast<double>(place[axis]) + shift * along.step[axis];
          }
        }
      };
    });
  });
  return points;
}

}  // namespace cpu
}  // namespace cormack
