#pragma once
// The networks behind median_filter, for boxes whose cost is worth a network of its own. Compiled per instruction set.
#include "core/border.hpp"
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// A band of output rows of one slice, or of two slices that follow each other, and the source rows below its windows.
// Both row tables are already extended in z and y; the kernel extends in x.
template <class T>
struct MedianBand {
  // rows[i * planes + p]: row i of the windows in plane p. Windows of row y are rows y .. y + K - 1, in 3-D in planes
  // 0 .. K - 1 for slice 0 and 1 .. K for slice 1. There are height + K - 1 rows, one more where height is odd.
  const T* const* rows;
  T* out[2];  // null: no such slice
  std::int64_t out_stride;
  std::int64_t height;
  std::int64_t width;
  std::int64_t first;  // of the window in x, relative to the pixel
  Border border;
  T cval;
};

// False, and an unfinished band, where there is a NaN (or infinities of both signs): the networks do not order NaN.
template <class T>
using MedianNetwork = bool (*)(const MedianBand<T>& band);

struct MedianRows {
  DTypeTable<MedianNetwork> box_3x3, box_5x5, box_7x7, box_3x3x3, box_5x5x5;
};

CORMACK_TABLE(MedianRows, median_rows)

}  // namespace cormack
