#pragma once
// Passes of windows along one axis. No standard header.
#include "core/border.hpp"

namespace cormack::device {

struct WindowLines {
  int size, left;
  Border border;
  int tile;     // positions along the axis for each block
  int columns;  // lines beside each other for each block, a power of two
  int shift;    // its logarithm
};

// What a pass stores where another one follows.
struct AsItIs {
  int unused;

  static constexpr const char* name = "cormack::device::AsItIs";
  template <class Out, class Value>
  CORMACK_HD Out value(Value value) const {
    return static_cast<Out>(value);
  }
};

}  // namespace cormack::device
