#pragma once
// Counting cells of a table, and tables as lists of what is not zero.
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/scratch.hpp"

namespace cormack {

// Matrix, level, the other coordinate (run length, zone size, distance), and how often: in increasing order of the
// first three, each once.
using Cell = std::array<std::int64_t, 4>;
using Cells = std::vector<Cell>;

// A table of counts, kept twice: neighbouring voxels often fall into one cell, and every second one need not wait for
// the other's sum.
class CellTally {
 public:
  explicit CellTally(std::int64_t size) : size_(size), even_(size), odd_(size) { clear(); }

  void clear() {
    std::memset(even_.data(), 0, static_cast<std::size_t>(size_) * sizeof(std::uint32_t));
    std::memset(odd_.data(), 0, static_cast<std::size_t>(size_) * sizeof(std::uint32_t));
  }
  template <class Index>
  void add(const Index* cells, std::int64_t n) {
    std::uint32_t *even = even_.data(), *odd = odd_.data();
    std::int64_t i = 0;
    for (; i + 2 <= n; i += 2) {
      ++even[cells[i]];
      ++odd[cells[i + 1]];
    }
    if (i < n) ++even[cells[i]];
  }
  std::uint32_t operator[](std::int64_t cell) const { return even_[cell] + odd_[cell]; }

 private:
  std::int64_t size_;
  Scratch<std::uint32_t> even_, odd_;
};

}  // namespace cormack
