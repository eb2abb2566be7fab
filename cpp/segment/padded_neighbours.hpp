#pragma once
// Images in a margin of one pixel, so that neighbours need no test for the border.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace cormack {

// The pixel behind a row is the one before the next.
struct PaddedLayout {
  explicit PaddedLayout(const std::array<std::int64_t, 3>& extents)
      : shape(extents),
        row(extents[2] + 1),
        slice((extents[1] + 1) * row),
        first((extents[0] > 1 ? slice : 0) + row + 1),
        size(2 * first + extents[0] * slice) {}
  std::int64_t index(std::int64_t z, std::int64_t y) const { return first + z * slice + y * row; }

  const std::array<std::int64_t, 3> shape;
  const std::int64_t row, slice, first, size;
};

// Steps to the neighbours: those along fewer axes first, then in raster order.
struct PaddedNeighbours {
  PaddedNeighbours(const PaddedLayout& layout, int connectivity) {
    for (int steps = 1; steps <= connectivity; ++steps) {
      for (int dz = -1; dz <= 1; ++dz) {
        if (dz != 0 && layout.shape[0] == 1) continue;
        for (int dy = -1; dy <= 1; ++dy) {
          for (int dx = -1; dx <= 1; ++dx) {
            if (std::abs(dz) + std::abs(dy) + std::abs(dx) != steps) continue;
            offset[static_cast<std::size_t>(count++)] = dz * layout.slice + dy * layout.row + dx;
          }
        }
      }
    }
  }
  std::array<std::int64_t, 26> offset{};
  int count = 0;
};

}  // namespace cormack
