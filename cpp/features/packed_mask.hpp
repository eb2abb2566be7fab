#pragma once
// A mask as rows of bits, with what one pass over them gives: its box and the sums of its voxels' indices.
#include <array>
#include <cstdint>
#include <vector>

#include "core/image.hpp"

namespace cormack {

// Of the indices (z, y, x) of a set of voxels. Exact: a mask of 2^20 voxels along each axis would still fit.
struct IndexSums {
  std::int64_t count = 0;
  std::array<std::int64_t, 3> first{};
  std::array<std::int64_t, 6> second{};  // zz, yy, xx, zy, zx, yx

  void add(const IndexSums& other) {
    count += other.count;
    for (std::size_t i = 0; i < 3; ++i) first[i] += other.first[i];
    for (std::size_t i = 0; i < 6; ++i) second[i] += other.second[i];
  }
};

// The same sums with the origin at `low`.
IndexSums moved(const IndexSums& sums, const std::array<std::int64_t, 3>& low);

struct PackedMask {
  // mask: bool or uint8; inside where not zero.
  PackedMask(const Image& mask, Context context);

  // Voxel x of a row is bit x % 64 of word x / 64; bits past the end are 0.
  const std::uint64_t* row(std::int64_t z, std::int64_t y) const { return bits.data() + (z * shape[1] + y) * words; }
  bool empty() const { return sums.count == 0; }

  std::array<std::int64_t, 3> shape;
  std::int64_t words;  // of a row
  std::vector<std::uint64_t> bits;
  std::array<std::int64_t, 3> low{}, high{};  // first and last index of the box along each axis
  IndexSums sums;                             // of indices relative to `low`
};

}  // namespace cormack
