#pragma once
// What kernels and plans of separable filters share. No standard header.
#include "core/border.hpp"
#include "filters/separable_work.hpp"

namespace cormack::device {

// What is made of the passes: one sum; the sum of second derivatives along each axis, d_z s_y s_x + s_z d_y s_x + ...;
// the length of the vector of first derivatives.
enum : int { kSmooth, kLaplace, kGradient };

// Weights of offsets 0 .. R along z, y, x.
template <class Work, int R>
struct MarchTaps {
  Work smooth[3][R + 1], derive[3][R + 1];
};

struct MarchAxes {
  int radius[3];
  int smooth_odd[3], derive_odd[3];
  Border border[3];
  int count;    // of derivatives: the last axes
  int boolean;  // bytes that are 0 or 1
  int steps;    // planes for each block
  int has_offsets;
};

// One pass along one axis: sum = start + sum of weights[k] (in[k] +- in[-k]), k = radius .. 1, + weights[0] in[0].
enum : int { kFromZero, kFromSum };  // start: 0, or what stands in `sums`
enum : int { kStoreSum, kStoreSquare, kAddSquare, kRootOfSquares, kRootOfSquare };  // what is made of the sum

struct LinePass {
  int radius, odd;
  Border border;
  int offsets;  // beyond a constant border, weights times the value come first, from the first voxel to the last
  int start, finish;
  int boolean;
  int axis;  // of the layouts
};

}  // namespace cormack::device
