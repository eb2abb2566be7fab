#include "filters/gaussian_filter.hpp"

#include <algorithm>
#include <cmath>

#include "core/check.hpp"
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

namespace cpu {

void gaussian_filter(const Image& src, const Image& dst, const std::array<GaussianAxis, 3>& filtered, double cval,
                     double tolerance, Context context) {
  check_one_shape("gaussian_filter", src, dst);
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
