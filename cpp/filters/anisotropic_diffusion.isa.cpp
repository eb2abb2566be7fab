// Plain loops over padded rows: linear arithmetic, a polynomial and no branches, which compilers vectorise.
#include <cmath>
#include <limits>

#include "filters/anisotropic_diffusion_rows.hpp"
#include "filters/diffusion_formulas.hpp"

namespace cormack::CORMACK_ISA {

template <class T, DiffusionMethod method, class Edge>
static inline T flux_of(T difference, T unit, T across, T smallest) {
  const T along = difference * unit;
  const T g = along * along + across;
  const T c = Edge::conductance(g);
  if constexpr (method == DiffusionMethod::gradient) return difference * c;
  else return along * c / std::sqrt(g + smallest);
}

template <class T, DiffusionMethod method, class Edge>
static void faces(const T* a, const T* a_before, const T* a_after, const T* b, const T* b_before, const T* b_after,
                  int axis, const DiffusionFactors<T>& factors, T* __restrict flux, std::int64_t n) {
  const T unit = factors.unit[axis], across_x = factors.across[2], across = factors.across[1 - axis];
  const T smallest = factors.smallest;
  if (a_before == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T gx = ((a[i + 1] - a[i - 1]) + (b[i + 1] - b[i - 1])) * across_x;
      flux[i] = flux_of<T, method, Edge>(b[i] - a[i], unit, gx * gx, smallest);
    }
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const T gx = ((a[i + 1] - a[i - 1]) + (b[i + 1] - b[i - 1])) * across_x;
    const T go = ((a_after[i] - a_before[i]) + (b_after[i] - b_before[i])) * across;
    flux[i] = flux_of<T, method, Edge>(b[i] - a[i], unit, gx * gx + go * go, smallest);
  }
}

template <class T, DiffusionMethod method, class Edge>
static void faces_x(const DiffusionStencil<T>& rows, const DiffusionFactors<T>& factors, T* __restrict flux,
                    std::int64_t n) {
  const T *here = rows.here, *y0 = rows.y_before, *y1 = rows.y_after, *z0 = rows.z_before, *z1 = rows.z_after;
  const T unit = factors.unit[2], across_y = factors.across[1], across_z = factors.across[0];
  const T smallest = factors.smallest;
  flux[-1] = 0;
  if (z0 == z1) {
    for (std::int64_t i = 0; i < n; ++i) {
      const T gy = ((y1[i] - y0[i]) + (y1[i + 1] - y0[i + 1])) * across_y;
      flux[i] = flux_of<T, method, Edge>(here[i + 1] - here[i], unit, gy * gy, smallest);
    }
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const T gy = ((y1[i] - y0[i]) + (y1[i + 1] - y0[i + 1])) * across_y;
    const T gz = ((z1[i] - z0[i]) + (z1[i + 1] - z0[i + 1])) * across_z;
    flux[i] = flux_of<T, method, Edge>(here[i + 1] - here[i], unit, gy * gy + gz * gz, smallest);
  }
}

template <class T>
static void update_gradient(const DiffusionStencil<T>& rows, const T* const* flux, const DiffusionFactors<T>& factors,
                            T* __restrict result, std::int64_t n) {
  const T *here = rows.here, *z0 = flux[0], *z1 = flux[1], *y0 = flux[2], *y1 = flux[3], *x = flux[4];
  const T step_z = factors.step[0], step_y = factors.step[1], step_x = factors.step[2];
  for (std::int64_t i = 0; i < n; ++i)
    result[i] = here[i] + ((x[i] - x[i - 1]) * step_x + (y1[i] - y0[i]) * step_y + (z1[i] - z0[i]) * step_z);
}

template <class T>
inline constexpr T kMost = std::numeric_limits<T>::max();

template <class T>
static inline T square_below(T v) {
  const T part = v < T(0) ? v : T(0);
  return part * part;
}

template <class T>
static inline T square_above(T v) {
  const T part = v > T(0) ? v : T(0);
  return part * part;
}

// Speed times the upwind gradient: that of the neighbours that the level sets come from.
template <class T>
static void update_curvature(const DiffusionStencil<T>& rows, const T* const* flux, const DiffusionFactors<T>& factors,
                             T* __restrict result, std::int64_t n) {
  const T *here = rows.here, *y0 = rows.y_before, *y1 = rows.y_after, *z0 = rows.z_before, *z1 = rows.z_after;
  const T *flux_z0 = flux[0], *flux_z1 = flux[1], *flux_y0 = flux[2], *flux_y1 = flux[3], *flux_x = flux[4];
  const T unit_z = factors.unit[0], unit_y = factors.unit[1], unit_x = factors.unit[2], step = factors.step[0];
  for (std::int64_t i = 0; i < n; ++i) {
    const T speed = (flux_x[i] - flux_x[i - 1]) + (flux_y1[i] - flux_y0[i]) + (flux_z1[i] - flux_z0[i]);
    const T value = here[i];
    const T x_back = (value - here[i - 1]) * unit_x, x_on = (here[i + 1] - value) * unit_x;
    const T y_back = (value - y0[i]) * unit_y, y_on = (y1[i] - value) * unit_y;
    const T z_back = (value - z0[i]) * unit_z, z_on = (z1[i] - value) * unit_z;
    const T rising = (square_below(x_back) + square_above(x_on)) + (square_below(y_back) + square_above(y_on)) +
                     (square_below(z_back) + square_above(z_on));
    const T falling = (square_above(x_back) + square_below(x_on)) + (square_above(y_back) + square_below(y_on)) +
                      (square_above(z_back) + square_below(z_on));
    // A square may be infinite where the edge is tiny: the speed is 0 there, and so must their product be.
    const T upwind = speed > T(0) ? rising : falling;
    result[i] = value + std::sqrt(upwind < kMost<T> ? upwind : kMost<T>) * speed * step;
  }
}

template <class T>
static double squared_gradient(const DiffusionStencil<T>& rows, const double* half_scale, std::int64_t n) {
  const T *here = rows.here, *y0 = rows.y_before, *y1 = rows.y_after, *z0 = rows.z_before, *z1 = rows.z_after;
  const double scale_z = half_scale[0], scale_y = half_scale[1], scale_x = half_scale[2];
  const auto term = [&](std::int64_t i) {
    const double x = static_cast<double>(here[i + 1] - here[i - 1]) * scale_x;
    const double y = static_cast<double>(y1[i] - y0[i]) * scale_y;
    const double z = static_cast<double>(z1[i] - z0[i]) * scale_z;
    return x * x + y * y + z * z;
  };
  double lanes[kRowLanes] = {};
  std::int64_t i = 0;
  for (; i + kRowLanes <= n; i += kRowLanes) {
    for (std::int64_t k = 0; k < kRowLanes; ++k) lanes[k] += term(i + k);
  }
  for (std::int64_t k = 0; i + k < n; ++k) lanes[k] += term(i + k);
  for (std::int64_t half = kRowLanes / 2; half > 0; half /= 2) {
    for (std::int64_t k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

template <class T, class Edge>
static constexpr DiffusionRows<T> gradient_rows() {
  constexpr auto method = DiffusionMethod::gradient;
  return {faces<T, method, Edge>, faces_x<T, method, Edge>, update_gradient<T>};
}

template <class T, class Edge>
static constexpr DiffusionRows<T> curvature_rows() {
  constexpr auto method = DiffusionMethod::curvature;
  return {faces<T, method, Edge>, faces_x<T, method, Edge>, update_curvature<T>};
}

template <class T>
static constexpr DiffusionTable<T> table() {
  return {{{gradient_rows<T, ExponentialEdge>(), gradient_rows<T, ReciprocalEdge>()},
           {curvature_rows<T, ExponentialEdge>(), curvature_rows<T, ReciprocalEdge>()}},
          squared_gradient<T>};
}

extern const DiffusionTables diffusion_tables;
const DiffusionTables diffusion_tables{table<float>(), table<double>()};

}  // namespace cormack::CORMACK_ISA
