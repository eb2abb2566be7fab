#pragma once
// Active contours by morphological operators on bits (P. Marquez-Neila, L. Baumela, L. Alvarez, "A morphological
// approach to curvature-based evolution of curves and surfaces", IEEE TPAMI 36(1), 2014). Formulas, order of operations
// and borders are scikit-image's. Contract: images and level sets of one shape, 2-D or 3-D, any strides; dst bool.
// Pixels that are not zero in the level set are inside. Cost of an iteration: about a hundred operations on words of 64
// pixels, and work on the pixels beside the contour; averages are kept for words and renewed where the contour moved.
#include "core/image.hpp"

namespace cormack {

struct MorphologicalContour {
  std::int64_t num_iter = 1;
  int smoothing = 1;
  bool swapped = false;  // whether the second of the two smoothing operators, which take turns, comes first
};

struct MorphologicalChanVese : MorphologicalContour {
  double lambda1 = 1, lambda2 = 1;
};

struct MorphologicalGeodesic : MorphologicalContour {
  int balloon = 0;       // -1 shrinks, 1 grows
  double threshold = 0;  // the balloon moves the contour where the image is above it
};

namespace cpu {
// image: any dtype. NaN has no part in averages, and stays on the side where it is.
void morphological_chan_vese(const Image& image, const Image& level_set, const Image& dst,
                             const MorphologicalChanVese& settings, Context context);
// image: float32 or float64.
void morphological_geodesic_active_contour(const Image& image, const Image& level_set, const Image& dst,
                                           const MorphologicalGeodesic& settings, Context context);
}  // namespace cpu
}  // namespace cormack
