#pragma once
// The grey level of an intensity, for all compilers. No standard header.
#include "core/hd.hpp"

namespace cormack {

struct LevelOf {
  double lower, factor, width, most;

  CORMACK_HD int operator()(double value) const {
    double level = (value - lower) * factor / width;
    // Written so that NaN, which may stand outside the mask, fails the first comparison.
    level = level > 0 ? level : 0;
    level = level < most ? level : most;
    return static_cast<int>(level) + 1;
  }
};

}  // namespace cormack
