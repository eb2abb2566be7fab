#include <cmath>

#include "core/vec.hpp"
#include "detect/canny_rows.hpp"

namespace cormack::CORMACK_ISA {

static constexpr int kVectors = kVecBytes == 64 ? 8 : 4;

template <class S>
struct Rows {
  const S* const* rows;
  const S* at(std::int64_t k) const { return rows[k]; }
};
template <class S>
struct Line {
  const S* row;
  const S* at(std::int64_t k) const { return row + k; }
};

template <class A, class S>
static inline Vec<A> load(const S* p) {
  if constexpr (std::is_same_v<S, A>) return Vec<A>::load(p);
  else return Vec<A>::load_as(p);
}

// The taps are the outer loop around a block of vectors that stays in registers.
template <int vectors, class S, class A, class Neighbours>
static inline void smooth_block(S* out, Neighbours near, const A* weights, std::int64_t radius, std::int64_t at) {
  constexpr auto lanes = Vec<A>::size;
  Vec<A> sum[vectors];
  const Vec<A> own = Vec<A>::fill(weights[0]);
#pragma GCC unroll 8
  for (int v = 0; v < vectors; ++v) sum[v] = load<A>(near.at(0) + at + v * lanes) * own;
  for (std::int64_t k = radius; k > 0; --k) {
    const S* minus = near.at(-k) + at;
    const S* plus = near.at(k) + at;
    const Vec<A> weight = Vec<A>::fill(weights[k]);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v)
      sum[v] = sum[v] + (load<A>(minus + v * lanes) + load<A>(plus + v * lanes)) * weight;
  }
  if constexpr (std::is_same_v<S, A>) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[v].store(out + at + v * lanes);
  } else {
    A values[vectors * lanes];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[v].store(values + v * lanes);
    for (int i = 0; i < vectors * lanes; ++i) out[at + i] = static_cast<S>(values[i]);
  }
}

template <class S, class A, class Neighbours>
static inline void smooth(S* out, Neighbours near, const A* weights, std::int64_t radius, std::int64_t n) {
  constexpr auto lanes = Vec<A>::size;
  static_assert(lanes <= kCannySlack);
  std::int64_t i = 0;
  for (; i + kVectors * lanes <= n; i += kVectors * lanes) smooth_block<kVectors>(out, near, weights, radius, i);
  for (; i < n; i += lanes) smooth_block<1>(out, near, weights, radius, i);
}

template <class S, class A>
static void smooth_rows(S* out, const S* const* rows, const A* weights, std::int64_t radius, std::int64_t n) {
  smooth(out, Rows<S>{rows}, weights, radius, n);
}

template <class S, class A>
static void smooth_line(S* out, const S* row, const A* weights, std::int64_t radius, std::int64_t n) {
  smooth(out, Line<S>{row}, weights, radius, n);
}

template <class S, class A>
static void difference(S* __restrict out, const S* row, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<S>(static_cast<A>(row[i + 1]) - static_cast<A>(row[i - 1]));
}

template <class S, class A>
static void gradient_2d(S* const* g, S* across, const S* const* along, const S* above, const S* below, const A* factors,
                        std::int64_t n) {
  S* __restrict strength = g[0];
  S* __restrict gy = g[1];
  S* __restrict gx = g[2];
  S* __restrict dy = across;
  for (std::int64_t i = -1; i <= n; ++i) dy[i] = static_cast<S>(static_cast<A>(below[i]) - static_cast<A>(above[i]));
  const S *up = along[-1], *here = along[0], *down = along[1];
  const S y_factor = static_cast<S>(factors[1]), x_factor = static_cast<S>(factors[2]);
  for (std::int64_t i = 0; i < n; ++i) {
    const A x = static_cast<A>(here[i]) * 2 + (static_cast<A>(up[i]) + static_cast<A>(down[i]));
    const A y = static_cast<A>(dy[i]) * 2 + (static_cast<A>(dy[i - 1]) + static_cast<A>(dy[i + 1]));
    const S a = static_cast<S>(y) * y_factor, b = static_cast<S>(x) * x_factor;
    gy[i] = a;
    gx[i] = b;
    strength[i] = std::sqrt(a * a + b * b);
  }
}

template <class S, class A>
static void join_planes(S* __restrict sums, S* __restrict differences, const S* const* rows, std::int64_t n) {
  const S *before = rows[-1], *here = rows[0], *after = rows[1];
  for (std::int64_t i = -1; i <= n; ++i) {
    sums[i] = here[i] * 2 + (before[i] + after[i]);
    differences[i] = after[i] - before[i];
  }
}

template <class S, class A>
static void gradient_3d(S* const* g, S* const* lines, const S* const* sums, const S* const* differences,
                        const A* factors, std::int64_t n) {
  S* __restrict a = lines[0];
  S* __restrict b = lines[1];
  S* __restrict c = lines[2];
  const S *s0 = sums[-1], *s1 = sums[0], *s2 = sums[1];
  const S *d0 = differences[-1], *d1 = differences[0], *d2 = differences[1];
  for (std::int64_t i = -1; i <= n; ++i) {
    a[i] = s1[i] * 2 + (s0[i] + s2[i]);
    b[i] = s2[i] - s0[i];
    c[i] = d1[i] * 2 + (d0[i] + d2[i]);
  }
  S* __restrict strength = g[0];
  S* __restrict gz = g[1];
  S* __restrict gy = g[2];
  S* __restrict gx = g[3];
  const S fz = static_cast<S>(factors[0]), fy = static_cast<S>(factors[1]), fx = static_cast<S>(factors[2]);
  for (std::int64_t i = 0; i < n; ++i) {
    const S x = (a[i + 1] - a[i - 1]) * fx;
    const S y = (b[i] * 2 + (b[i - 1] + b[i + 1])) * fy;
    const S z = (c[i] * 2 + (c[i - 1] + c[i + 1])) * fz;
    gz[i] = z;
    gy[i] = y;
    gx[i] = x;
    strength[i] = std::sqrt(z * z + y * y + x * x);
  }
}

template <class S, class A>
static void divide(S* __restrict row, const S* __restrict by, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) row[i] = row[i] / by[i];
}

// scikit-image's arithmetic, operation by operation, so that ties fall as they do there. Without branches: which
// neighbours count cannot be foreseen.
template <class S, class A>
static void ridges_2d(std::uint8_t* ridge, const std::int32_t* places, std::int64_t count, const S* strength,
                      const std::int64_t* near, const S* const* gradient, const double* spacing) {
  const S *gy = gradient[1], *gx = gradient[2];
  const S y_spacing = static_cast<S>(spacing[1]), x_spacing = static_cast<S>(spacing[2]);
  const std::int64_t above = near[3], below = near[5];
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t x = places[i];
    const S u = gy[x] / y_spacing, v = gx[x] / x_spacing, a = std::abs(u), b = std::abs(v), here = strength[x];
    const bool same = (u <= 0) == (v <= 0);
    const bool steep = same ? a > b : !(a < b);
    const S w = steep ? b / a : a / b;
    // One step along x, and up or down.
    const std::int64_t up = same ? below : above, down = same ? above : below;
    const std::int64_t ahead = steep ? up : 1, behind = steep ? down : -1;
    const double first = static_cast<double>(strength[x + up + 1] * w) +
                         static_cast<double>(strength[x + ahead]) * (1.0 - static_cast<double>(w));
    const double second = static_cast<double>(strength[x + down - 1] * w) +
                          static_cast<double>(strength[x + behind]) * (1.0 - static_cast<double>(w));
    ridge[i] = static_cast<std::uint8_t>((first <= static_cast<double>(here)) & (second <= static_cast<double>(here)));
  }
}

template <class S, class A>
static void ridges_3d(std::uint8_t* ridge, const std::int32_t* places, std::int64_t count, const S* strength,
                      const std::int64_t* near, const S* const* gradient, const double* spacing) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t x = places[i];
    const double u = static_cast<double>(gradient[0][x]) / spacing[0];
    const double v = static_cast<double>(gradient[1][x]) / spacing[1];
    const double w = static_cast<double>(gradient[2][x]) / spacing[2];
    const double a = std::abs(u), b = std::abs(v), c = std::abs(w);
    const bool along_z = a > (b > c ? b : c), along_y = !along_z && b > c, along_x = !along_z && !along_y;
    const double length = along_z ? a : along_y ? b : c;
    // The two other axes: of z and y the first, of y and x the last.
    const double first = (along_z ? b : a) / length, last = (along_x ? b : c) / length;
    const int z = u > 0 ? 3 : -3, y = v > 0 ? 1 : -1, step = w > 0 ? 1 : -1;
    const int main_row = along_z ? z : along_y ? y : 0, first_row = along_z ? y : z, last_row = along_x ? y : 0;
    const std::int64_t main_x = along_x ? step : 0, last_x = along_x ? 0 : step;
    double value[2];
    for (int side = 0; side < 2; ++side) {
      const int sign = side == 0 ? 1 : -1;
      const auto at = [&](int row, std::int64_t shift) {
        return static_cast<double>(strength[near[4 + sign * row] + x + sign * shift]);
      };
      const double low = at(main_row, main_x) * (1.0 - last) + at(main_row + last_row, main_x + last_x) * last;
      const double high =
          at(main_row + first_row, main_x) * (1.0 - last) + at(main_row + first_row + last_row, main_x + last_x) * last;
      value[side] = low * (1.0 - first) + high * first;
    }
    const double here = static_cast<double>(strength[x]);
    ridge[i] = static_cast<std::uint8_t>((value[0] <= here) & (value[1] <= here));
  }
}

template <class S, class A>
static constexpr CannyLoops<S, A> loops{smooth_rows<S, A>, smooth_line<S, A>, difference<S, A>,
                                        gradient_2d<S, A>, join_planes<S, A>, gradient_3d<S, A>,
                                        divide<S, A>,      ridges_2d<S, A>,   ridges_3d<S, A>};

extern const CannyRows canny_rows;
const CannyRows canny_rows{loops<float, float>, loops<float, double>, loops<double, double>};

}  // namespace cormack::CORMACK_ISA
