// Rows are contiguous. Every operation has the place that it has in scikit-image's formulas.
#include <cmath>

#include "segment/chan_vese_rows.hpp"

namespace cormack::CORMACK_ISA {

// The new value of a pixel from its neighbours along x (l, r), y (u, d) and z (f, b).
template <bool solid, class T>
static inline T moved(const ChanVeseStep<T>& row, T image, T here, T l, T r, T u, T d, T f, T b) {
  constexpr T kSmallest = T(1e-16), kOne = 1, kTwo = 2;
  const T xp = r - here, xn = here - l, x0 = (r - l) / kTwo;
  const T yp = d - here, yn = here - u, y0 = (d - u) / kTwo;
  const T xx = x0 * x0, yy = y0 * y0;
  T sum, curvature;
  if constexpr (solid) {
    const T zp = b - here, zn = here - f, z0 = (b - f) / kTwo, zz = z0 * z0;
    const T c1 = kOne / std::sqrt(kSmallest + xp * xp + yy + zz), c2 = kOne / std::sqrt(kSmallest + xn * xn + yy + zz);
    const T c3 = kOne / std::sqrt(kSmallest + xx + yp * yp + zz), c4 = kOne / std::sqrt(kSmallest + xx + yn * yn + zz);
    const T c5 = kOne / std::sqrt(kSmallest + xx + yy + zp * zp), c6 = kOne / std::sqrt(kSmallest + xx + yy + zn * zn);
    curvature = r * c1 + l * c2 + d * c3 + u * c4 + b * c5 + f * c6;
    sum = c1 + c2 + c3 + c4 + c5 + c6;
  } else {
    const T c1 = kOne / std::sqrt(kSmallest + xp * xp + yy), c2 = kOne / std::sqrt(kSmallest + xn * xn + yy);
    const T c3 = kOne / std::sqrt(kSmallest + xx + yp * yp), c4 = kOne / std::sqrt(kSmallest + xx + yn * yn);
    curvature = r * c1 + l * c2 + d * c3 + u * c4;
    sum = c1 + c2 + c3 + c4;
  }
  const T delta = kOne / (kOne + here * here), in = image - row.inside, out = image - row.outside;
  const T force = -row.lambda1 * (in * in) + row.lambda2 * (out * out);
  const T next = here + (row.dt * delta) * (row.mu * curvature + force);
  return next / (kOne + row.mu * row.dt * delta * sum);
}

template <bool solid, class T>
static void all(const ChanVeseStep<T>& row) {
  const T *image = row.image, *here = row.here, *up = row.up, *down = row.down;
  const T *front = solid ? row.front : here, *back = solid ? row.back : here;
  T* out = row.out;
  const std::int64_t n = row.n;
  const ChanVeseStep<T> own = row;  // so that writing to out cannot change it
  const auto at = [&](std::int64_t x, std::int64_t l, std::int64_t r) {
    return moved<solid>(own, image[x], here[x], here[l], here[r], up[x], down[x], front[x], back[x]);
  };
  out[0] = at(0, 0, n > 1 ? 1 : 0);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
  for (std::int64_t x = 1; x < n - 1; ++x) out[x] = at(x, x - 1, x + 1);
  if (n > 1) out[n - 1] = at(n - 1, n - 2, n - 1);
}

template <class T>
static void step(const ChanVeseStep<T>& row) {
  if (row.front != nullptr) all<true>(row);
  else all<false>(row);
}

template <class T>
static ChanVeseSums sums(const T* image, const T* now, const T* was, std::int64_t n) {
  // Eight sums of each, for every level alike.
  constexpr int kParts = 8;
  double inside[kParts] = {}, outside[kParts] = {}, count[kParts] = {}, change[kParts] = {};
  const auto add = [&](std::int64_t i, int k) {
    const double value = static_cast<double>(image[i]);
    const bool in = now[i] > 0;
    inside[k] += in ? value : 0.0;
    outside[k] += in ? 0.0 : value;
    count[k] += in ? 1.0 : 0.0;
    const double step = static_cast<double>(now[i]) - static_cast<double>(was[i]);
    change[k] += step * step;
  };
  if (was == nullptr) was = now;
  std::int64_t i = 0;
  for (; i + kParts <= n; i += kParts) {
    for (int k = 0; k < kParts; ++k) add(i + k, k);
  }
  for (int k = 0; i + k < n; ++k) add(i + k, k);
  ChanVeseSums total{};
  for (int k = 0; k < kParts; ++k) {
    total.inside += inside[k];
    total.outside += outside[k];
    total.count += count[k];
    total.change += change[k];
  }
  return total;
}

extern const ChanVeseRows chan_vese_rows;
const ChanVeseRows chan_vese_rows{step<float>, step<double>, sums<float>, sums<double>};

}  // namespace cormack::CORMACK_ISA
