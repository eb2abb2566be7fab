#pragma once
// The loops behind the texture matrices, over one row of voxels. Compiled per instruction set; integers only, so that
// every level gives the same.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// Extent and values of the voxels inside, of a row.
struct RowRange {
  std::int64_t first, end;  // first == end: none inside
  std::int64_t lowest, highest;
};

// Inside is where the mask is not zero or, without one, where the value is not zero. Strides in elements.
template <class T>
using RangeRow = RowRange (*)(const T* values, std::int64_t step, const std::uint8_t* mask, std::int64_t mask_step,
                              std::int64_t n);
// result = inside ? value : 0; returns false, with any result, where a value is not in [0, limit].
template <class T>
using LevelRow = bool (*)(const T* values, std::int64_t step, const std::uint8_t* mask, std::int64_t mask_step,
                          std::int64_t n, std::int64_t limit, std::uint16_t* result);

struct TextureRows {
  DTypeTable<RangeRow> range;
  DTypeTable<LevelRow> levels;
  std::int64_t (*count)(const std::uint16_t* row, std::int64_t n);  // values that are not zero

  // Cell of each pair of voxels: row[i] * size + other[i].
  void (*pairs)(const std::uint16_t* row, const std::uint16_t* other, std::uint32_t size, std::int64_t n,
                std::uint32_t* cell);
  // Cell of each voxel by its level and its place in its run, place * size + level: `size` more than the cell of the
  // voxel before it in the run, its level where it is the first one, 0 outside.
  void (*runs16)(const std::uint16_t* row, const std::uint16_t* before, const std::uint16_t* cell_before,
                 std::uint32_t size, std::int64_t n, std::uint16_t* cell);
  void (*runs32)(const std::uint16_t* row, const std::uint16_t* before, const std::uint32_t* cell_before,
                 std::uint32_t size, std::int64_t n, std::uint32_t* cell);

  // Bit k of each result: the voxel at offset back[k] has the same level. 0 outside. Up to 13 offsets.
  void (*same)(const std::uint16_t* row, const std::int64_t* back, int count, std::int64_t n, std::uint16_t* bits);
  // cell = min(cell, other + 1).
  void (*nearer)(std::uint16_t* cell, const std::uint16_t* other, std::int64_t n);
  // Sum of levels and number of voxels inside, of `count` rows, at each x.
  void (*columns)(const std::uint16_t* const* rows, std::int64_t count, std::int64_t n, std::int32_t* sum,
                  std::int32_t* number);
  // From such columns, the neighbours from x - radius to x + radius without the voxel itself: `number` of them, and
  // |sum - number * level|. Cells are level * size + number.
  void (*tone)(const std::uint16_t* row, const std::int32_t* sum, const std::int32_t* number, std::int64_t radius,
               std::uint32_t size, std::int64_t n, std::uint32_t* cell, std::uint32_t* difference);
  // Voxels inside whose level differs by no more than `coarseness` from that of the voxel, itself included, in `count`
  // rows from x - radius to x + radius.
  void (*dependence)(const std::uint16_t* row, const std::uint16_t* const* rows, std::int64_t count,
                     std::int64_t radius, std::uint16_t coarseness, std::int64_t n, std::uint16_t* result);
};

CORMACK_TABLE(TextureRows, texture_rows)

}  // namespace cormack
