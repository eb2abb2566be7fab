#pragma once
// What kernels and plans of rank filters share. No standard header.
#include "core/border.hpp"

namespace cormack::device {

struct RankBox {
  int size[3], first[3];  // the window of a voxel begins at its index + first
  Border border;
  int rank;
  int steps;      // planes for each block
  int in_shared;  // whether shared memory holds a tile's windows
};

}  // namespace cormack::device
