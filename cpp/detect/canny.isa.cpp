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

template <class S, class A>
static constexpr CannyLoops<S, A> loops{smooth_rows<S, A>, smooth_line<S, A>, difference<S, A>, gradient_2d<S, A>,
                                        join_planes<S, A>, gradient_3d<S, A>, divide<S, A>};

extern const CannyRows canny_rows;
const CannyRows canny_rows{loops<float, float>, loops<float, double>, loops<double, double>};

}  // namespace cormack::CORMACK_ISA
