#pragma once
// Sums over the pixels of some rows that bits choose, pixel x at bit x % 64. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

struct BitSums {
  std::int64_t count = 0;
  // Integers: exact for up to 2^31 values.
  std::int64_t sum = 0;
  std::uint64_t square_low = 0, square_high = 0;  // sum of squares = square_low + 2^32 square_high
  // Floating point: added in an order that the rows and their bits alone fix.
  double real_sum = 0, real_square = 0;
};

// Rows of n pixels and their words of bits, each a constant distance apart. Bits beyond n are 0.
template <class T>
struct ChosenRows {
  const T* values;
  const std::uint64_t* bits;
  std::int64_t stride, bit_stride, count, n;
};

template <class T>
using AddBits = void (*)(const ChosenRows<T>& rows, BitSums& sums);

struct BitSumsRows {
  DTypeTable<AddBits> add;
};

CORMACK_TABLE(BitSumsRows, bit_sums_rows)

}  // namespace cormack
