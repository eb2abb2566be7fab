#pragma once
// Sums over the pixels of a row that bits choose, pixel x at bit x % 64. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

struct BitSums {
  std::int64_t count = 0;
  // Integers: exact for up to 2^31 values.
  std::int64_t sum = 0;
  std::uint64_t square_low = 0, square_high = 0;  // sum of squares = square_low + 2^32 square_high
  // Floating point: added in an order that the row's length and bits alone fix.
  double real_sum = 0, real_square = 0;
};

// Adds the pixels of a row of n. Bits beyond n are 0.
template <class T>
using AddBits = void (*)(const T* row, const std::uint64_t* bits, std::int64_t n, BitSums& sums);

struct BitSumsRows {
  DTypeTable<AddBits> add;
};

CORMACK_TABLE(BitSumsRows, bit_sums_rows)

}  // namespace cormack
