#pragma once
// The loops between the bytes of a file and the voxels of a volume. Compiled per instruction set. Results may replace
// the values they come from, where both are of one size.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// What stored values go through before they are rescaled.
struct StoredBits {
  int above = 0, below = 0;  // unused bits
  bool turned = false;       // value := flip - value
  std::int64_t flip = 0;
};

// Clears unused bits, extends the sign, turns values over, all in place; widens [low, high] to the values.
template <class T>
using PrepareRow = void (*)(T* values, std::int64_t n, const StoredBits& bits, T* low, T* high);
// value * slope + intercept modulo 2^16 or 2^32: exact wherever the true result fits.
template <class T>
using Rescale16Row = void (*)(const T* values, std::int64_t n, std::uint32_t slope, std::uint32_t intercept,
                              std::uint16_t* out);
template <class T>
using Rescale32Row = void (*)(const T* values, std::int64_t n, std::uint32_t slope, std::uint32_t intercept,
                              std::uint32_t* out);
// In double, rounded once.
template <class T>
using RescaleFloatRow = void (*)(const T* values, std::int64_t n, double slope, double intercept, float* out);

struct FrameRows {
  DTypeTable<PrepareRow> prepare;  // integers alone, as the following
  DTypeTable<Rescale16Row> rescale_16;
  DTypeTable<Rescale32Row> rescale_32;
  DTypeTable<RescaleFloatRow> rescale_float;
  // Little-endian values from one plane for each of their bytes, the highest first.
  void (*join_16)(const std::uint8_t* planes, std::int64_t n, std::uint16_t* out);
  void (*join_32)(const std::uint8_t* planes, std::int64_t n, std::uint32_t* out);
};

CORMACK_TABLE(FrameRows, frame_rows)

}  // namespace cormack
