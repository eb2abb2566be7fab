#pragma once
// What kernels and plans of rank filters share. No standard header.
#include "core/border.hpp"

namespace cormack::device {

// Places of a window that take part: `count` ones along x, from here in its box.
struct WindowRun {
  int z, y, x, count;
};

struct RankBox {
  int size[3], first[3];  // the window of a voxel begins at its index + first
  Border border;
  int rank;
  int steps;      // planes for each block
  int in_shared;  // whether shared memory holds a tile's windows
  int runs;       // of places that take part; 0: all do
  int extreme;    // -1: the smallest value is wanted, 1: the largest, 0: that of the rank
  int unused;
};

}  // namespace cormack::device
