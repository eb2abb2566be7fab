#pragma once
// How equalize_adapthist cuts an image on a GPU; enhance/tile_axis.hpp has the reasons. No standard header.
#include "core/hd.hpp"
#include "enhance/level_formula.hpp"

namespace cormack::device {

struct TileGrid {
  int length[3], kernel[3], tiles[3];
  // The last tile of an axis counts tail[axis] positions, some of them several times: pairs (index, times) from place
  // tail_at[axis] of a table on.
  int tail[3], tail_at[3];
  int unused;

  CORMACK_HD long long count() const { return static_cast<long long>(tiles[0]) * tiles[1] * tiles[2]; }
  CORMACK_HD long long of(int z, int y, int x) const {
    return (static_cast<long long>(z) * tiles[1] + y) * tiles[2] + x;
  }
};

struct TileBins {
  LevelFormula formula;
  double clip_limit, low, high;
  int bins, used;  // as asked for, and those that voxels can lie in
};

}  // namespace cormack::device
