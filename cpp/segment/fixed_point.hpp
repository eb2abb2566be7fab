#pragma once
// Sums of floating numbers whose order leaves no trace. No standard header.
#include "core/hd.hpp"

namespace cormack::device {

// A number as first / scale + second / (scale * finer), both integers, rounded to what `second` counts.
struct FixedPoint {
  double scale, finer;
};

}  // namespace cormack::device
