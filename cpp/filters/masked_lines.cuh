#pragma once
// What kernels and plans of masked filters share. No standard header.
#include "cuda/layout.hpp"

namespace cormack::device {

struct MaskedLine {
  int count, left;  // of weights; the voxel's own is number `left`
  Border border;
  int axis;     // of the layout
  int grouped;  // sums of 16 weights each, or one after the other
  int unused;
};

struct MaskedSource {
  Layout mask;
  int masked, skip_nan;
};

struct MaskedResult {
  double fill;
  int boolean;  // bytes that are 0 or 1
  int unused;
};

}  // namespace cormack::device
