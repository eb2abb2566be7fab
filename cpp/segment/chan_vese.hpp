#pragma once
// Active contours without edges: gradient descent of the level set of T. F. Chan and L. A. Vese, "Active contours
// without edges", IEEE TIP 10(2), 2001, by the explicit scheme of P. Getreuer, "Chan-Vese segmentation", IPOL 2, 2012,
// as scikit-image has it, all pixels from the level set before. In 3-D the curvature has a third pair of terms.
// Contract: image and level_set of one shape, 2-D or 3-D, both float32 or both float64, contiguous; image finite.
// Computed in that type; averages and the change in float64, summed by rows. Cost of an iteration: one pass, five (2-D)
// or seven (3-D) roots and divisions a pixel. Memory: a second level set.
#include "core/image.hpp"

namespace cormack {

struct ChanVese {
  double mu = 0.25, lambda1 = 1, lambda2 = 1, dt = 0.5;
  double tol = 1e-3;  // stops when the root mean square of the change is at most this
  std::int64_t max_num_iter = 500;
};

namespace cpu {
// Moves level_set, whose positive values are inside, and returns the root mean square of its last change.
double chan_vese(const Image& image, const Image& level_set, const ChanVese& settings, Context context);
}  // namespace cpu
}  // namespace cormack
