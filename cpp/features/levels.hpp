#pragma once
// A region of discretised intensities, ready for texture matrices: uint16 levels from 1, 0 outside, padded so that
// neighbours need no border.
#include <vector>

#include "core/image.hpp"
#include "core/scratch.hpp"

namespace cormack {

struct LevelRange {
  std::int64_t lowest = 0, highest = 0;        // of the voxels inside
  std::array<std::int64_t, 3> begin{}, end{};  // bounding box of all masks; empty where nothing is inside
  bool any = false;                            // a voxel lies inside
};

// An offset between two voxels, (z, y, x).
using Offset = std::array<std::int64_t, 3>;

class Levels {
 public:
  // Inside is where `mask` is not zero or, without it, where the level is not. Integer images of any strides; masks of
  // bool or uint8. `pad`: how far a neighbour may lie. `morphology`, or null: the region whose edge distances are
  // measured to; the voxels inside always belong to it. Throws std::invalid_argument for a level outside
  // [0, level_count] and std::overflow_error above 2^32 voxels.
  Levels(const Image& levels, const Image* mask, const Image* morphology, std::int64_t level_count, std::int64_t pad,
         Context context);

  std::int64_t depth() const { return shape_[0]; }
  std::int64_t rows() const { return shape_[1]; }
  std::int64_t columns() const { return shape_[2]; }
  const std::array<std::int64_t, 3>& shape() const { return shape_; }
  std::int64_t pad() const { return pad_; }
  std::int64_t level_count() const { return level_count_; }
  // Voxels inside, of each slice.
  const std::vector<std::int64_t>& counts() const { return counts_; }

  // Row (z, y), from its first voxel; z and y may reach `pad` beyond the shape.
  const std::uint16_t* row(std::int64_t z, std::int64_t y) const { return data_.data() + index(z, y); }
  // All voxels inside of a row are in [first, end).
  std::int64_t first(std::int64_t z, std::int64_t y) const { return first_[z * shape_[1] + y]; }
  std::int64_t end(std::int64_t z, std::int64_t y) const { return end_[z * shape_[1] + y]; }
  // Position of voxel (z, y, 0) among all of the padded ones; steps from a voxel to its neighbours.
  std::int64_t index(std::int64_t z, std::int64_t y) const {
    return (z + pad_) * step_[0] + (y + pad_) * step_[1] + pad_;
  }
  std::int64_t step(const Offset& offset) const { return offset[0] * step_[0] + offset[1] * step_[1] + offset[2]; }
  std::int64_t padded_size() const { return step_[0] * (shape_[0] + 2 * pad_); }
  // City-block distances to outside of the morphological region, laid out as the levels: 1 at its edge. Along all axes
  // (dimensions 3) or within each slice (2).
  void distances(int dimensions, std::uint16_t* result, Context context) const;

 private:
  std::array<std::int64_t, 3> shape_;
  std::int64_t level_count_, pad_;
  std::array<std::int64_t, 2> step_;  // of slices and rows
  Scratch<std::uint16_t> data_;
  std::vector<std::uint8_t> morphology_;  // packed, of the shape; empty where there is none
  Scratch<std::int64_t> first_, end_;
  std::vector<std::int64_t> counts_;
};

namespace cpu {
LevelRange level_range(const Image& levels, const Image* mask, const Image* morphology, Context context);
}
}  // namespace cormack
