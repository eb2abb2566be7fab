#pragma once
// Regions whose textures kernels count, many in one launch, as plain structs for kernels and plans. No standard header.
#include "cuda/layout.hpp"

namespace cormack::device {

// A region's bounding box, or a slice of it where slices count for themselves: its levels lie in C order without gaps,
// 0 outside of the region. `at`: its first voxel; `cells`, `others`: where its results begin.
struct TextureBox {
  long long at, cells, others;
  int depth, height, width;
  int levels;

  CORMACK_HD long long size() const { return static_cast<long long>(depth) * height * width; }
  CORMACK_HD int longest() const {
    const int flat = height > width ? height : width;
    return depth > flat ? depth : flat;
  }
  // A zone's distance to the edge is at most this.
  CORMACK_HD int deepest(bool in_space) const {
    int least = height < width ? height : width;
    if (in_space && depth < least) least = depth;
    return (least + 1) / 2;
  }
};

// What a block does: voxels, or lines, [first, first + the launch's chunk) of a box.
struct TexturePart {
  long long first;
  int box, unused;  // without it a plan's bytes would hold what no one has written
};

// Masks of levels: where the region is, and where the one is whose edges count.
struct LevelMasks {
  Layout inside, region;
  bool has_inside, has_region;
  unsigned char unused[6];
};

struct IntensityMask {
  Layout layout;
  bool given;
  unsigned char unused[7];
};

struct TextureStep {
  int z, y, x;
};

// Zones of fewer voxels are counted in a table, the few others listed.
enum : int { kSmallZone = 64 };

// Cells of the upper triangle of a symmetric matrix, by columns.
CORMACK_HD int triangle_size(int n) { return n * (n + 1) / 2; }
CORMACK_HD int triangle_cell(int low, int high) { return high * (high + 1) / 2 + low; }

}  // namespace cormack::device
