#pragma once
#include <cstdint>

#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// near: the rows on both sides along the other axes, those of smaller coordinates first (as many of each, `pairs`).
template <class T>
using CrossingRow = void (*)(std::uint8_t* out, const T* row, const T* const* near, int pairs, double threshold,
                             std::int64_t n);

struct ZeroCrossingRows {
  DTypeTable<CrossingRow> mark;
};

CORMACK_TABLE(ZeroCrossingRows, zero_crossing_rows)

}  // namespace cormack
