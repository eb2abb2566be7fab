#pragma once
// The loop behind minmax. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// Widens [low, high] to the values that are not NaN; returns whether there was a NaN.
template <class T>
using MinMaxRow = bool (*)(const T* values, std::int64_t n, T* low, T* high);

struct MinMaxRows {
  DTypeTable<MinMaxRow> row;
};

CORMACK_TABLE(MinMaxRows, minmax_rows)

}  // namespace cormack
