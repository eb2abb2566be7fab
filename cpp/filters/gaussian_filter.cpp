#include "filters/gaussian_filter.hpp"

#include <algorithm>
#include <cmath>

#include "filters/recursive_gaussian.hpp"

namespace cormack {
namespace {

// Measured: a recursion costs as much as a kernel of this radius, along all axes together.
constexpr std::int64_t kRadiusOfRecursion = 32;

bool may_recurse(const Image& src, const Image& dst, const std::array<GaussianAxis, 3>& axes,
                 const std::array<AxisKernel, 3>& kernels, double tolerance) {
  const bool single = dst.dtype == DType::f32 || item_size(dst.dtype) <= 2;
  std::int64_t filtered = 0, radii = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (!(axes[axis].sigma > 1e-15)) continue;
    if (axes[axis].order > 0) return false;
    ++filtered;
    radii += std::min(axes[axis].radius, src.shape[axis]);
  }
  if (radii < filtered * kRadiusOfRecursion) return false;
  double error = 0;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (axes[axis].sigma > 1e-15)
      error += recursive_gaussian_error(axes[axis].sigma, kernels[axis].weights, single ? 0x1p-24 : 0x1p-53);
  return error <= tolerance;
}

}  // namespace

AxisKernel gaussian_kernel(const GaussianAxis& axis) {
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

namespace cpu {

void gaussian_filter(const Image& src, const Image& dst, const std::array<GaussianAxis, 3>& filtered, double cval,
                     double tolerance, Context context) {
  std::array<GaussianAxis, 3> axes = filtered;
  if (src.ndim == 2) axes[0] = GaussianAxis{};
  const std::array<AxisKernel, 3> kernels{gaussian_kernel(axes[0]), gaussian_kernel(axes[1]), gaussian_kernel(axes[2])};
  if (tolerance > 0 && may_recurse(src, dst, axes, kernels, tolerance)) {
    std::array<double, 3> sigma{};
    std::array<Border, 3> borders{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (axes[axis].sigma > 1e-15) sigma[axis] = axes[axis].sigma;
      borders[axis] = axes[axis].border;
    }
    recursive_gaussian(src, dst, sigma, borders, cval, context);
    return;
  }
  correlate_separable(src, dst, kernels, cval, context);
}

}  // namespace cpu
}  // namespace cormack
