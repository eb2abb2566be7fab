#pragma once
// Loops of the morphological active contours. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// Words of consecutive rows of a BitImage, with the zeros between them: neighbours of a word lie `row` and `slice`
// words away. `valid` has the bits that are pixels, for these words.
struct WordRows {
  const std::uint64_t* in;
  std::uint64_t* out;
  const std::uint64_t* valid;
  std::int64_t n, row, slice;
};

// A row and those beside it along y and z, clamped to the image.
template <class P>
struct RowCross {
  const P *here, *up, *down, *front, *back;
};

// The pixels of a row beside the contour: where the level set's gradient is not zero.
struct MovingRow {
  RowCross<std::uint64_t> bits;
  std::int64_t width;
};

template <class T>
struct ChanVeseRow {
  const T* image;
  std::int64_t step;  // between pixels
  const std::uint64_t* moving;
  std::uint64_t* bits;
  std::int64_t words;
  double lambda1, lambda2, inside, outside;  // averages
};

template <class T>
struct GeodesicRow {
  RowCross<T> image;
  std::int64_t step;
  RowCross<std::uint64_t> bits;  // of the level set before
  const std::uint64_t* moving;
  std::uint64_t* out;  // of the level set after
  std::int64_t width;
  double y_scale, z_scale;  // 1 at the border, 0.5 elsewhere, 0 for an axis that there is not
};

// What the pixels of a word add up to inside and outside; exact for integers. NaN is left out.
struct WordSum {
  double inside, outside;
  std::int32_t count_inside, count_outside;
};

template <class T>
using ChanVeseAttach = void (*)(const ChanVeseRow<T>& row);
template <class T>
using GeodesicAttach = void (*)(const GeodesicRow<T>& row);
template <class T>
using SumWord = WordSum (*)(const T* values, std::int64_t step, std::int64_t n, std::uint64_t inside);

struct MorphologicalContoursRows {
  // Infimum of dilations by lines (2-D) or planes (3-D), or supremum of erosions.
  void (*inf_sup_2d)(const WordRows& rows);
  void (*sup_inf_2d)(const WordRows& rows);
  void (*inf_sup_3d)(const WordRows& rows);
  void (*sup_inf_3d)(const WordRows& rows);
  // By all neighbours. slice is 0 for 2-D.
  void (*dilate)(const WordRows& rows);
  void (*erode)(const WordRows& rows);
  bool (*moving)(const MovingRow& row, std::uint64_t* out);  // returns whether there is any
  DTypeTable<ChanVeseAttach> chan_vese;
  GeodesicAttach<float> geodesic_f32;
  GeodesicAttach<double> geodesic_f64;
  DTypeTable<SumWord> sum;
};

CORMACK_TABLE(MorphologicalContoursRows, morphological_contours_rows)

}  // namespace cormack
