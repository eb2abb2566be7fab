#pragma once
// Symmetric and antisymmetric kernels along one axis, and those of Gaussians: for the CPU's drivers and the GPU's
// plans.
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "core/border.hpp"

namespace cormack {

struct AxisKernel {
  std::vector<double> weights{1.0};  // of offsets 0 .. radius; {1} leaves the axis as it is
  bool odd = false;
  Border border = Border::reflect;
};

// The kernel of radius at most `length` that has the same effect on every line of that length.
inline AxisKernel folded(AxisKernel kernel, std::int64_t length) {
  std::vector<double>& weights = kernel.weights;
  const auto radius = static_cast<std::int64_t>(weights.size()) - 1;
  const auto at = [&](std::int64_t k) -> double& { return weights[static_cast<std::size_t>(k)]; };
  if (kernel.border == Border::nearest || kernel.border == Border::constant) {
    // From any pixel the offset `length` and all beyond it lead to the same value.
    for (std::int64_t k = radius; k > length; --k) at(k - 1) += at(k);
    if (radius > length) weights.resize(static_cast<std::size_t>(length) + 1);
    return kernel;
  }
  const std::int64_t period = kernel.border == Border::wrap     ? length
                              : kernel.border == Border::mirror ? std::max<std::int64_t>(1, 2 * length - 2)
                                                                : 2 * length;
  const std::int64_t most = period / 2;
  if (radius <= most) return kernel;
  std::vector<double> sums(static_cast<std::size_t>(most) + 1, 0.0);
  // From the smallest weights to the largest; those of -k are those of k, with their sign.
  for (std::int64_t k = radius; k >= 0; --k) {
    const std::int64_t place = k % period;
    const double sign = kernel.odd ? -1.0 : 1.0;
    if (place <= most) sums[static_cast<std::size_t>(place)] += at(k);
    if (k > 0 && (period - place) % period <= most)
      sums[static_cast<std::size_t>((period - place) % period)] += sign * at(k);
  }
  // Offsets -period / 2 and period / 2 are one place, and both are summed.
  if (period % 2 == 0) sums.back() /= 2;
  weights = std::move(sums);
  return kernel;
}

struct GaussianAxis {
  double sigma = 0;         // pixels; 0 leaves the axis as it is
  int order = 0;            // of the derivative
  std::int64_t radius = 0;  // pixels where the kernel ends: 0 does not smooth, SciPy takes 4 sigma + 0.5, cut
  Border border = Border::reflect;
};

inline AxisKernel gaussian_kernel(const GaussianAxis& axis) {
  AxisKernel kernel;
  kernel.border = axis.border;
  // SciPy's limit for "no filter".
  if (!(axis.sigma > 1e-15)) return kernel;
  if (axis.radius < 0 || axis.order < 0) throw std::invalid_argument("gaussian_kernel: negative radius or order");

  const auto count = static_cast<std::size_t>(axis.radius) + 1;
  const double precision = 1 / (axis.sigma * axis.sigma);
  std::vector<double>& weights = kernel.weights;
  weights.resize(count);
  double sum = 0;
  for (std::size_t k = count; k-- > 0;) {
    const double x = static_cast<double>(k);
    weights[k] = std::exp(-0.5 * precision * x * x);
    sum += k > 0 ? 2 * weights[k] : weights[k];
  }
  for (double& weight : weights) weight /= sum;

  // The derivative is the Gaussian times a polynomial q, and q' - x q / sigma^2 is the polynomial of the next one.
  const auto terms = static_cast<std::size_t>(axis.order) + 1;
  std::vector<double> q(terms, 0.0), next(terms);
  q[0] = 1;
  for (int order = 0; order < axis.order; ++order) {
    for (std::size_t power = 0; power < terms; ++power) {
      next[power] = power + 1 < terms ? static_cast<double>(power + 1) * q[power + 1] : 0;
      if (power > 0) next[power] -= precision * q[power - 1];
    }
    q.swap(next);
  }
  // Correlation runs over the mirrored kernel: odd polynomials change sign.
  kernel.odd = axis.order % 2 != 0;
  for (std::size_t k = 0; k < count && axis.order > 0; ++k) {
    double value = 0;
    for (std::size_t power = terms; power-- > 0;) value = value * static_cast<double>(k) + q[power];
    weights[k] *= kernel.odd ? -value : value;
  }
  return kernel;
}

struct DerivativeAxis {
  double sigma = 1;         // pixels, above 0
  double scale = 1;         // pixels per unit of length, for derivatives per millimetre
  std::int64_t radius = 0;  // pixels where the kernel ends, above 0
  Border border = Border::reflect;
};

// A kernel that smooths and one that derives.
struct WeightPair {
  std::vector<double> smooth, derive;
  bool odd;
  Border border;
};

inline WeightPair gaussian_pair(const DerivativeAxis& axis, int order) {
  const AxisKernel plain = gaussian_kernel({axis.sigma, 0, axis.radius, axis.border});
  AxisKernel other = gaussian_kernel({axis.sigma, order, axis.radius, axis.border});
  const double scale = order == 1 ? axis.scale : axis.scale * axis.scale;
  for (double& weight : other.weights) weight *= scale;
  return {plain.weights, std::move(other.weights), other.odd, axis.border};
}

}  // namespace cormack
