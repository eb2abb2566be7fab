#pragma once
// The Hessian matrix of the smoothed image, its eigenvalues, and measures of ridges made of them.
// As skimage.feature.hessian_matrix(use_gaussian_derivatives=True): first derivatives by Gaussians of sigma / sqrt(2),
// then first derivatives of those; each of the two passes sees its own input continued beyond the border.
// Contract: any strides of src (where its last axis is not contiguous it is copied once); results are contiguous, of
// float32, or float64 where src is. Computed in float32 for 8- and 16-bit integers and float32, eigenvalues and
// measures always in float64. Cost: passes along z (3 kernels), y (6) and x (6), linear in sigma; nothing but the
// result is stored, beside the rows of a window for each thread.
#include <vector>

#include "core/border.hpp"
#include "core/image.hpp"

namespace cormack {

struct HessianAxis {
  double sigma = 1;                 // pixels, of both passes together
  double scale = 1;                 // pixels per unit of length
  std::int64_t radius = 0;          // of the kernels of one pass, in pixels, above 0
  Border border = Border::reflect;  // constant: `cval` continues the image, zeros the derivatives
};

enum class HessianMeasure : int { elements, eigenvalues, square_norm, frangi, sato, meijering, dot };

struct HessianFilter {
  std::array<HessianAxis, 3> axes;  // in the order (z, y, x)
  double cval = 0;
  HessianMeasure measure = HessianMeasure::eigenvalues;
  bool accumulate = false;  // keep what is in dst where it is larger
  bool bright = false;      // measures of bright ridges, not of dark ones
  double sigma = 1;         // Sato and dots, in units of length
  double alpha = 0.5, beta = 0.5, gamma = 1;
};

namespace cpu {
// dst: one image, or the elements (zz, zy, zx, yy, yx, xx; yy, yx, xx) or the eigenvalues, largest first.
void hessian(const Image& src, const std::vector<Image>& dst, const HessianFilter& filter, Context context);
}  // namespace cpu
}  // namespace cormack
