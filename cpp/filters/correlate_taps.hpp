#pragma once
// What kernels and plans of correlations share. No standard header.
#include "core/border.hpp"

namespace cormack::device {

struct TapLine {
  int count;    // of taps: weights with the offsets of their voxels
  int reach;    // the largest magnitude of an offset
  int by_sums;  // beyond a constant border, weights times its value come first
  int boolean;  // bytes that are 0 or 1
  Border border;
  int axis;  // of the layouts
};

struct TapWindow {
  int count;
  int reach[3];
  Border border[3];
  int boolean;
};

}  // namespace cormack::device
