#pragma once
// What the plans of textures share: regions from a request, cut into what blocks do.
#include <algorithm>
#include <utility>
#include <vector>

#include "cuda/plan.hpp"
#include "features/texture_box.cuh"

namespace cormack::device {

// Rows (at, depth, height, width, levels), a region each, as boxes: slices of them where `per_slice`. `cells_of(box)`
// and `others_of(box)` say how many results a box has; they follow each other in the order of boxes.
template <class Cells, class Others>
std::vector<TextureBox> texture_boxes(const std::vector<long long>& rows, bool per_slice, const Cells& cells_of,
                                      const Others& others_of) {
  std::vector<TextureBox> boxes;
  long long cells = 0, others = 0;
  for (std::size_t i = 0; i + 5 <= rows.size(); i += 5) {
    TextureBox whole{rows[i],
                     0,
                     0,
                     static_cast<int>(rows[i + 1]),
                     static_cast<int>(rows[i + 2]),
                     static_cast<int>(rows[i + 3]),
                     static_cast<int>(rows[i + 4])};
    if (whole.size() >= 1ll << 32) throw Unsupported("the box of a region has fewer than 2^32 voxels");
    const int slices = per_slice ? whole.depth : 1;
    if (per_slice) whole.depth = 1;
    for (int z = 0; z < slices; ++z) {
      TextureBox box = whole;
      box.at += z * whole.size();
      box.cells = cells;
      box.others = others;
      cells += cells_of(box);
      others += others_of(box);
      boxes.push_back(box);
    }
  }
  return boxes;
}

// Boxes cut into parts of `chunk` items.
template <class Box, class Count>
std::vector<TexturePart> parts_of(const std::vector<Box>& boxes, const Count& count, int chunk) {
  std::vector<TexturePart> parts;
  for (std::size_t i = 0; i < boxes.size(); ++i)
    for (long long first = 0; first < count(boxes[i]); first += chunk) parts.push_back({first, static_cast<int>(i), 0});
  return parts;
}

// As many items of each box for a block that there are enough blocks for a GPU, but not many more.
template <class Box, class Count>
std::pair<std::vector<TexturePart>, int> texture_parts(const std::vector<Box>& boxes, const Count& count) {
  long long total = 0;
  for (const Box& box : boxes) total += count(box);
  const int chunk = static_cast<int>(std::clamp(total / 2048 / 256 * 256, 1024ll, 1ll << 20));
  return {parts_of(boxes, count, chunk), chunk};
}

inline long long voxels_of(const TextureBox& box) { return box.size(); }
inline long long none_of(const TextureBox&) { return 0; }

inline std::vector<TextureStep> texture_steps(const std::vector<long long>& numbers) {
  std::vector<TextureStep> steps;
  for (std::size_t i = 0; i + 3 <= numbers.size(); i += 3)
    steps.push_back({static_cast<int>(numbers[i]), static_cast<int>(numbers[i + 1]), static_cast<int>(numbers[i + 2])});
  return steps;
}

}  // namespace cormack::device
