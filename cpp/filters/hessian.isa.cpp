// The taps are the outer loop around a block of vectors that stays in registers; kernels of the same rows share loads.
#include <cmath>

#include "core/vec.hpp"
#include "filters/hessian_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class Work, class In>
static inline Vec<Work> load(const In* p) {
  if constexpr (std::is_same_v<In, Work>) return Vec<Work>::load(p);
  else if constexpr (std::is_integral_v<In> && sizeof(In) <= 2) return Vec<Work>::from(Vec<std::int32_t>::load_as(p));
  else return Vec<Work>::load_as(p);
}

template <int kernels, int vectors, class In, class Work>
static inline void weigh_block(Work* const* out, const In* const* rows, const Work* const* weights, std::int64_t count,
                               std::int64_t at) {
  constexpr auto lanes = Vec<Work>::size;
  Vec<Work> sum[kernels][vectors];
#pragma GCC unroll 3
  for (int c = 0; c < kernels; ++c)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[c][v] = Vec<Work>::fill(0);
  for (std::int64_t k = 0; k < count; ++k) {
    const In* row = rows[k] + at;
    Vec<Work> pixels[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) pixels[v] = load<Work>(row + v * lanes);
#pragma GCC unroll 3
    for (int c = 0; c < kernels; ++c) {
      const Vec<Work> weight = Vec<Work>::fill(weights[c][k]);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sum[c][v] = sum[c][v] + weight * pixels[v];
    }
  }
#pragma GCC unroll 3
  for (int c = 0; c < kernels; ++c)
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) sum[c][v].store(out[c] + at + v * lanes);
}

template <int kernels, class In, class Work>
static inline void weigh_kernels(Work* const* out, const In* const* rows, const Work* const* weights,
                                 std::int64_t count, std::int64_t n) {
  constexpr std::int64_t lanes = Vec<Work>::size;
  constexpr int vectors = kVecBytes == 64 ? (kernels == 1 ? 8 : 4) : (kernels == 3 ? 2 : 3);
  std::int64_t i = 0;
  for (; i + vectors * lanes <= n; i += vectors * lanes) weigh_block<kernels, vectors>(out, rows, weights, count, i);
  for (; i + lanes <= n; i += lanes) weigh_block<kernels, 1>(out, rows, weights, count, i);
  // Pixels must not be read beyond the image: the same sums, one by one.
  for (; i < n; ++i) {
    for (int c = 0; c < kernels; ++c) {
      Work sum = 0;
      for (std::int64_t k = 0; k < count; ++k) sum = sum + weights[c][k] * static_cast<Work>(rows[k][i]);
      out[c][i] = sum;
    }
  }
}

template <class In, class Work>
static void weigh(Work* const* out, int kernels, const In* const* rows, const Work* const* weights, std::int64_t count,
                  std::int64_t n) {
  if (kernels == 1) weigh_kernels<1>(out, rows, weights, count, n);
  else if (kernels == 2) weigh_kernels<2>(out, rows, weights, count, n);
  else weigh_kernels<3>(out, rows, weights, count, n);
}

template <class Work, class Out, int count>
static void elements(Out* const* out, const Work* const* h, const RidgeFormula&, bool, std::int64_t n) {
  for (int c = 0; c < count; ++c) {
    Out* __restrict to = out[c];
    for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<Out>(h[c][i]);
  }
}

template <class Work, class Out>
static void eigenvalues_3d(Out* const* out, const Work* const* h, const RidgeFormula&, bool, std::int64_t n) {
  Out* __restrict a = out[0];
  Out* __restrict b = out[1];
  Out* __restrict c = out[2];
  const Work *zz = h[0], *zy = h[1], *zx = h[2], *yy = h[3], *yx = h[4], *xx = h[5];
  for (std::int64_t i = 0; i < n; ++i) {
    double values[3];
    eigenvalues_of(static_cast<double>(zz[i]), static_cast<double>(yy[i]), static_cast<double>(xx[i]),
                   static_cast<double>(zy[i]), static_cast<double>(zx[i]), static_cast<double>(yx[i]), values);
    a[i] = static_cast<Out>(values[0]);
    b[i] = static_cast<Out>(values[1]);
    c[i] = static_cast<Out>(values[2]);
  }
}

template <class Work, class Out>
static void eigenvalues_2d(Out* const* out, const Work* const* h, const RidgeFormula&, bool, std::int64_t n) {
  Out* __restrict a = out[0];
  Out* __restrict b = out[1];
  for (std::int64_t i = 0; i < n; ++i) {
    double values[2];
    eigenvalues_of(static_cast<double>(h[0][i]), static_cast<double>(h[2][i]), static_cast<double>(h[1][i]), values);
    a[i] = static_cast<Out>(values[0]);
    b[i] = static_cast<Out>(values[1]);
  }
}

// The measures of a pixel, from its eigenvalues, largest first.
struct SquareNorm {
  static double of(double a, double b, double c, const RidgeFormula&) { return a * a + b * b + c * c; }
  static double of(double a, double b, const RidgeFormula&) { return a * a + b * b; }
};
struct Frangi {
  static double of(double a, double b, double c, const RidgeFormula& how) { return frangi_of(a, b, c, how); }
  static double of(double a, double b, const RidgeFormula& how) { return frangi_of(a, b, how); }
};
struct Sato {
  static double of(double a, double b, double, const RidgeFormula& how) { return sato_of(a, b, how); }
  static double of(double a, double, const RidgeFormula& how) { return sato_of(a, a, how); }
};
struct Meijering {
  static double of(double a, double b, double c, const RidgeFormula& how) { return meijering_of(a, b, c, how); }
  static double of(double a, double b, const RidgeFormula& how) {
    // With a middle one that changes neither the sum nor the extremes.
    return meijering_of(a, 0.0, b, how);
  }
};

struct Dot {
  static double of(double a, double, double c, const RidgeFormula& how) { return dot_of(a, c, how); }
  static double of(double a, double b, const RidgeFormula& how) { return dot_of(a, b, how); }
};

template <class Work, class Out, class Measure, int ndim>
static void measure(Out* const* out, const Work* const* h, const RidgeFormula& formula, bool accumulate,
                    std::int64_t n) {
  Out* __restrict to = out[0];
  const RidgeFormula how = formula;
  const Work *zz = h[0], *zy = h[1], *zx = h[2], *yy = h[3], *yx = h[4], *xx = h[5];
  for (std::int64_t i = 0; i < n; ++i) {
    double values[3], value;
    if constexpr (ndim == 3) {
      eigenvalues_of(how.sign * static_cast<double>(zz[i]), how.sign * static_cast<double>(yy[i]),
                     how.sign * static_cast<double>(xx[i]), how.sign * static_cast<double>(zy[i]),
                     how.sign * static_cast<double>(zx[i]), how.sign * static_cast<double>(yx[i]), values);
      value = Measure::of(values[0], values[1], values[2], how);
    } else {
      eigenvalues_of(how.sign * static_cast<double>(zz[i]), how.sign * static_cast<double>(zx[i]),
                     how.sign * static_cast<double>(zy[i]), values);
      value = Measure::of(values[0], values[1], how);
    }
    // NaN where an eigenvalue is, whatever the measure made of it.
    const Out found = static_cast<Out>(value + (values[0] - values[0])), before = accumulate ? to[i] : Out{0};
    to[i] = before > found ? before : found;
  }
}

template <class Work, class Out, int ndim>
static constexpr MeasureRow<Work, Out> eigenvalues = ndim == 3 ? eigenvalues_3d<Work, Out> : eigenvalues_2d<Work, Out>;

#define CORMACK_MEASURES(Work, Out)                                                                     \
  {                                                                                                     \
    {elements<Work, Out, 3>,        eigenvalues<Work, Out, 2>,   measure<Work, Out, SquareNorm, 2>,     \
     measure<Work, Out, Frangi, 2>, measure<Work, Out, Sato, 2>, measure<Work, Out, Meijering, 2>,      \
     measure<Work, Out, Dot, 2>},                                                                       \
    {                                                                                                   \
      elements<Work, Out, 6>, eigenvalues<Work, Out, 3>, measure<Work, Out, SquareNorm, 3>,             \
          measure<Work, Out, Frangi, 3>, measure<Work, Out, Sato, 3>, measure<Work, Out, Meijering, 3>, \
          measure<Work, Out, Dot, 3>                                                                    \
    }                                                                                                   \
  }

extern const HessianRows hessian_rows;
const HessianRows hessian_rows{
    {weigh<std::uint8_t, float>, weigh<std::int8_t, float>, weigh<std::uint16_t, float>, weigh<std::int16_t, float>,
     weigh<std::uint32_t, double>, weigh<std::int32_t, double>, weigh<float, float>, weigh<double, double>},
    weigh<float, float>,
    weigh<double, double>,
    CORMACK_MEASURES(float, float),
    CORMACK_MEASURES(double, float),
    CORMACK_MEASURES(double, double),
};

}  // namespace cormack::CORMACK_ISA
