#pragma once
// The bins of equalize_adapthist, for CPU and GPU. No standard header.
#include "core/hd.hpp"

namespace cormack {

// scikit-image's bins: 2^14 grey levels from `lower` to `upper`, rounded half to even, of which a bin joins `1 /
// share`.
struct LevelFormula {
  static constexpr int kLevels = 16384;
  double lower, upper;
  double width;  // upper - lower; 1 where they are one
  double share;

  template <class Round>
  CORMACK_HD int bin(double value, Round round) const {
    value = value > lower ? value : lower;
    value = value < upper ? value : upper;
    // The half keeps rounding away from the bins' ends.
    return static_cast<int>((round((value - lower) / width * (kLevels - 1)) + 0.5) * share);
  }
};

}  // namespace cormack
