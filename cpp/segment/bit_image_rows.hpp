#pragma once
// Rows of pixels to bits and back, 64 pixels to a word, pixel x at bit x % 64. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// bits of pixel i: (lower <= row[i] <= upper) != (flip is set); lower <= upper. NaN is never within. flip is 0 or ~0.
// Writes (n + 63) / 64 words, the bits beyond n clear.
template <class T>
using RangeBits = void (*)(const T* row, std::uint64_t* bits, std::int64_t n, T lower, T upper, std::uint64_t flip);

// bit i: row[i] differs from row[i - 1], with 0 before the first.
template <class T>
using ChangeBits = void (*)(const T* row, std::uint64_t* bits, std::int64_t n);

struct BitImageRows {
  DTypeTable<RangeBits> range;
  DTypeTable<ChangeBits> changes;                                                // null for floating point
  void (*expand)(const std::uint64_t* bits, std::uint8_t* row, std::int64_t n);  // to 0 and 1
};

CORMACK_TABLE(BitImageRows, bit_image_rows)

}  // namespace cormack
