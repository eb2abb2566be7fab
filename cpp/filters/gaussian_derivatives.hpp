#pragma once
// Laplacian and gradient magnitude from Gaussian derivatives, as SciPy defines them: every derivative is smoothed along
// the other filtered axes.
// Contract: dst float32, or float64 where src is; one shape, not overlapping, any strides (a src whose last axis is not
// contiguous is copied once). The last `count` axes are filtered, the others are batches.
// Computed in float32 for 8- and 16-bit integers and float32, else in float64. The derivatives of all axes share their
// passes: 7 (Laplacian) or 8 (gradient) weighted sums in 3-D instead of 9, and nothing but the result is stored.
#include "filters/gaussian_filter.hpp"

namespace cormack {

struct DerivativeAxis {
  double sigma = 1;  // pixels, above 0
  double scale = 1;  // pixels per unit of length, for derivatives per millimetre
  std::int64_t radius = 0;
  Border border = Border::reflect;
};

struct GaussianDerivatives {
  std::array<DerivativeAxis, 3> axes;  // in the order (z, y, x)
  int count = 3;
  double cval = 0;
};

namespace cpu {
void gaussian_laplace(const Image& src, const Image& dst, const GaussianDerivatives& filter, Context context);
void gaussian_gradient_magnitude(const Image& src, const Image& dst, const GaussianDerivatives& filter,
                                 Context context);
}  // namespace cpu
}  // namespace cormack
