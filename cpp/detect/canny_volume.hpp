#pragma once
// What Canny's kernels know of an image. No standard header.
#include "core/border.hpp"
#include "core/hd.hpp"

namespace cormack::device {

struct CannyVolume {
  int shape[3];
  int flat;  // 2-D
  double spacing[3];

  CORMACK_HD long long rows() const { return static_cast<long long>(shape[0]) * shape[1]; }
  CORMACK_HD long long size() const { return rows() * shape[2]; }
  CORMACK_HD long long at(long long z, long long y, long long x) const { return (z * shape[1] + y) * shape[2] + x; }
  CORMACK_HD double factor(int axis) const { return (flat ? 1.0 : 0.25) / spacing[axis]; }
};

}  // namespace cormack::device
