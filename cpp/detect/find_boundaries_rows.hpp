#pragma once
// One row of find_boundaries. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// Rows whose pixels are neighbours of a row's, the row itself among them. Where straight is set the pixel at the same
// place is one, where diagonal is set those before and after it are.
template <class T>
struct BoundaryRows {
  const T* rows[9];
  bool straight[9], diagonal[9];
  int count;
};

enum class BoundaryPart : int { all, objects, background, background_and_touching };

template <class T>
struct BoundaryRow {
  BoundaryRows<T> neighbours;
  BoundaryRows<T> all;  // of every connectivity, for objects that touch
  const T* row;
  std::int64_t n;
  T background;
  BoundaryPart part;
  bool faces;  // neighbours are those along one axis
};

template <class T>
using FindBoundariesRow = void (*)(const BoundaryRow<T>& row, std::uint8_t* dst);

struct FindBoundariesRows {
  DTypeTable<FindBoundariesRow> row;  // null for floating point
};

CORMACK_TABLE(FindBoundariesRows, find_boundaries_rows)

}  // namespace cormack
