#pragma once
// Non-local means (A. Buades, B. Coll, J.-M. Morel, CVPR 2005), with the weights of scikit-image's fast mode: patches
// of `2 half` voxels along an axis, from half - 1 before to half behind their voxel (one voxel where half is 0), the
// piecewise linear exponential of N. N. Schraudolph (Neural Computation 11, 1999), no weight beyond e^-5. A patch that
// holds NaN or an infinity is like no other, so its voxel stays as it is. Cost: for every voxel and half of the shifts,
// an addition per voxel of a patch's edges and about 20 operations. Memory: tiles of less than 2 MB or so per thread.
// float64 for 32-bit integers and float64, float32 for the others.
#include "core/border.hpp"
#include "core/image.hpp"

namespace cormack {

struct NonLocalAxis {
  std::int64_t half = 0;      // of the patch
  std::int64_t distance = 0;  // largest shift
  Border border = Border::mirror;
};

struct NonLocalSettings {
  std::array<NonLocalAxis, 3> axes;  // in the order (z, y, x); that of z is ignored for 2-D images
  double h = 1;                      // distance of patches whose weight is 1 / e
  double sigma = 0;                  // standard deviation of the noise
  double cval = 0;
};

namespace cpu {
void non_local_means(const Image& src, const Image& dst, const NonLocalSettings& settings, Context context);
}
}  // namespace cormack
