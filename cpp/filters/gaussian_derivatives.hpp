#pragma once
// Laplacian and gradient magnitude from Gaussian derivatives, as SciPy defines them: every derivative is smoothed along
// the other filtered axes. The gradient magnitude also from kernels of the caller's, those of Sobel for instance.
// Contract: dst float32, or float64 where src is; one shape, not overlapping, any strides (a src whose last axis is not
// contiguous is copied once). The last `count` axes are filtered, the others are batches.
// Computed in float32 for 8- and 16-bit integers and float32, else in float64. The derivatives of all axes share their
// passes: 7 (Laplacian) or 8 (gradient) weighted sums in 3-D instead of 9, and nothing but the result is stored.
#include "filters/gaussian_filter.hpp"

namespace cormack {

struct GaussianDerivatives {
  std::array<DerivativeAxis, 3> axes;  // in the order (z, y, x)
  int count = 3;
  double cval = 0;
};

// Weights of offsets 0 .. radius, as many of each: of an even kernel and of an odd one.
struct GradientAxis {
  std::vector<double> smooth{1.0};
  std::vector<double> derive{0.0};
  Border border = Border::reflect;
};

namespace cpu {
void gaussian_laplace(const Image& src, const Image& dst, const GaussianDerivatives& filter, Context context);
void gaussian_gradient_magnitude(const Image& src, const Image& dst, const GaussianDerivatives& filter,
                                 Context context);
// The last `count` axes are filtered.
void gradient_magnitude(const Image& src, const Image& dst, const std::array<GradientAxis, 3>& axes, int count,
                        double cval, Context context);
}  // namespace cpu
}  // namespace cormack
