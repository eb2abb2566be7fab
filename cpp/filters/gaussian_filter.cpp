#include "filters/gaussian_filter.hpp"

#include <cmath>

namespace cormack {

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

void gaussian_filter(const Image& src, const Image& dst, const std::array<GaussianAxis, 3>& axes, double cval,
                     Context context) {
  correlate_separable(src, dst, {gaussian_kernel(axes[0]), gaussian_kernel(axes[1]), gaussian_kernel(axes[2])}, cval,
                      context);
}

}  // namespace cpu
}  // namespace cormack
