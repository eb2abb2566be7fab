#pragma once
// Edge-preserving smoothing: explicit iterations of Perona and Malik's diffusion (gradient) or of Whitaker and Xue's
// modified curvature diffusion (curvature) with ITK's stencils and zero-flux borders.
// Any strides; src and dst of one shape and dtype, not overlapping. Arithmetic in the working type of float_rows.hpp,
// integers rounded once. Memory: in place in dst where its type is the working one, else in one image of that; and what
// tiles see of each other, a quarter to a half of an image.
// References: P. Perona, J. Malik, IEEE PAMI 12(7), 1990; R. Whitaker, X. Xue, ICIP 2001; ITK's
// GradientNDAnisotropicDiffusionFunction and CurvatureNDAnisotropicDiffusionFunction.
#include "core/image.hpp"

namespace cormack {

enum class DiffusionMethod : int { gradient = 0, curvature = 1 };
// The conductance c(g) of a gradient of magnitude g: exp(-(g / kappa)^2) or 1 / (1 + (g / kappa)^2).
enum class DiffusionEdge : int { exponential = 0, reciprocal = 1 };

struct Diffusion {
  DiffusionMethod method = DiffusionMethod::gradient;
  DiffusionEdge edge = DiffusionEdge::exponential;
  std::int64_t iterations = 1;
  // Above 0: the edge's gradient. 0: conductance * sqrt(2 * mean squared gradient), measured before each iteration.
  double kappa = 0;
  double conductance = 1;
  double time_step = 0;           // above 0, or nothing changes; min(voxel size) / 2^(axes + 1) is stable
  std::array<double, 3> scale{};  // 1 / voxel size, order (z, y, x); 0: the images along this axis are separate
};

namespace cpu {
// NaN and infinities are left out of the mean and spread as NaN, by one voxel per iteration.
void anisotropic_diffusion(const Image& src, const Image& dst, const Diffusion& diffusion, Context context);
}  // namespace cpu
}  // namespace cormack
