#pragma once
// Bilateral filter (C. Tomasi, R. Manduchi, ICCV 1998): the mean of a window, weighted by a Gaussian of the distance
// times a Gaussian of the difference of intensities. Brute force, no bins: weights are off by at most 4e-6 of
// themselves (1e-12 for 32-bit integers and float64, which are computed in float64) and 0 beyond 13.2 (37.7) sigmas of
// intensity. NaN and infinities have no weight in other voxels' windows and stay what they are. Cost: 20 vector
// instructions per tap. Memory: the rows of a window's planes in a tile, per thread.
#include "core/border.hpp"
#include "core/image.hpp"

namespace cormack {

struct BilateralAxis {
  double sigma = 0;         // in voxels; ignored where the radius is 0
  std::int64_t radius = 0;  // 0 leaves the axis as it is
  Border border = Border::reflect;
};

struct BilateralSettings {
  std::array<BilateralAxis, 3> axes;  // in the order (z, y, x); that of z is ignored for 2-D images
  double sigma_intensity = 1;
  bool ball = true;  // the ellipsoid in the box of the radii, or the box
  double cval = 0;   // NaN: nothing beyond the border has a weight
};

namespace cpu {
void bilateral_filter(const Image& src, const Image& dst, const BilateralSettings& settings, Context context);
}
}  // namespace cormack
