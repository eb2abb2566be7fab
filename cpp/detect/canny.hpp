#pragma once
// Edges after Canny (IEEE PAMI 8, 1986), in 2-D the set that skimage.feature.canny finds, in 3-D the same with spacing:
//   1. smoothing by a symmetric kernel per axis, of the pixels inside the mask, divided by the smoothed mask;
//   2. the gradient by Sobel's kernels in the scale of the 2-D ones, which is 8 times the derivative per unit of
//   length;
//   3. voxels whose strength is at least that of both neighbours along the gradient, interpolated (bi)linearly on the
//      cell of neighbours around; those on the border of the image or of the mask are left out;
//   4. of those at least `low`, the connected sets (corners too) that hold one of at least `high`.
// Contract: any strides; a row is read once or, at the seams of tiles, a few times. NaN is no edge.
// 2-D images are smoothed in float64 (stored as float32 for float32), which decides ties as scikit-image's arithmetic
// does; 3-D ones in float32 for 8- and 16-bit integers and float32, else in float64.
// Memory: two bits per pixel, and rows of a few planes for each thread; no gradient image.
#include <vector>

#include "core/border.hpp"
#include "core/image.hpp"

namespace cormack {

struct CannyAxis {
  std::vector<double> weights{1.0};  // of offsets 0 .. radius
  Border border = Border::constant;  // zeros, for the image and the mask
  double spacing = 1;
};

struct CannyFilter {
  std::array<CannyAxis, 3> axes;  // in the order (z, y, x); that of z is ignored for 2-D images
  double scale = 1;               // what integers are multiplied by before all; the lowest signed one then gives -1
  bool corrected = true;          // whether to divide by the smoothed mask
  const Image* mask = nullptr;    // bool or uint8
};

struct CannyThresholds {
  double low = 0, high = 0;
};

namespace cpu {
// dst: float32 or float64, as `canny_stores_double` says.
void canny_strength(const Image& src, const Image& dst, const CannyFilter& filter, Context context);
// dst: bool.
void canny(const Image& src, const Image& dst, const CannyFilter& filter, CannyThresholds thresholds, Context context);
// The edges in raster order as (z, y, x), moved along the gradient to the top of the bell curve through the strengths
// there, at most to the faces of the cell of voxels around.
std::vector<double> canny_points(const Image& src, const CannyFilter& filter, CannyThresholds thresholds,
                                 Context context);
}  // namespace cpu

inline bool canny_stores_double(DType dtype, int ndim) {
  if (dtype == DType::f32) return false;
  return ndim == 2 || item_size(dtype) > 2;
}

}  // namespace cormack
