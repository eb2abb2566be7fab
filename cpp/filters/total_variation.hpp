#pragma once
// Total variation denoising of Rudin, Osher and Fatemi by Chambolle's projection, as scikit-image runs it: the u that
// minimises  sum |grad u| + sum (u - f)^2 / (2 weight), forward differences, zero-flux borders.
// Any strides; src and dst of one shape and dtype, not overlapping. Arithmetic in the working type of float_rows.hpp,
// integers rounded once. One pass over the memory per iteration. Memory: the dual field, which is one image of the
// working type for each axis longer than one voxel, and a few planes.
// Reference: A. Chambolle, "An algorithm for total variation minimization and applications", JMIV 20, 2004.
#include "core/image.hpp"

namespace cormack {

struct TotalVariation {
  double weight = 1;              // above 0, in the unit of the intensities (times a length)
  double tolerance = 0;           // stop where the energy changes by less than this part of its first value
  std::int64_t iterations = 1;    // at most
  std::array<double, 3> scale{};  // 1 / voxel size, order (z, y, x); 0: the images along this axis are separate
};

namespace cpu {
// NaN and infinities spread as NaN by one voxel per iteration, and all iterations are run.
void total_variation(const Image& src, const Image& dst, const TotalVariation& settings, Context context);
}  // namespace cpu
}  // namespace cormack
