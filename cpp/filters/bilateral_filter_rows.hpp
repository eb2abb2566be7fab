#pragma once
// The loops behind bilateral_filter. Compiled per instruction set.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

// Values are multiplied by a scale that makes the weight of a difference d 2^-(d d); those that are not finite, or
// larger than this, become it, and are so far from all others that their weight is 0.
template <class Work>
inline constexpr Work kBilateralFar = sizeof(Work) == 4 ? Work(1e18) : Work(1e100);
// Values that may be read beyond the end of a row, because kernels work in whole registers.
inline constexpr std::int64_t kBilateralSlack = 64;

// A row of taps: `data` points at the value of the tap in the middle for the first voxel.
template <class Work>
struct BilateralTaps {
  const Work* data;
  Work weight;        // the spatial weight across the row
  std::int64_t half;  // taps on either side
};

template <class Work>
struct BilateralWindow {
  const BilateralTaps<Work>* rows;
  const std::int64_t* plane_ends;  // sums are added up by row, then by plane
  std::int64_t planes;
  const Work* along;  // log2 of the spatial weights along x: points at the one in the middle
  Work scale;         // multiplies the results
};

// out[i] = scale times the weighted mean of the differences from centre[i]; up to kBilateralSlack values more are
// written.
template <class Work>
using BilateralRow = void (*)(Work* out, const Work* centre, const BilateralWindow<Work>& window, std::int64_t n);

template <class T>
using BilateralWorkOf = std::conditional_t<sizeof(T) <= 2 || std::is_same_v<T, float>, float, double>;
template <class T>
using BilateralScale = void (*)(BilateralWorkOf<T>* out, const T* pixels, BilateralWorkOf<T> scale, std::int64_t n);
// out[i] = pixels[i] + change[i]
template <class T>
using BilateralStore = void (*)(T* out, const T* pixels, const BilateralWorkOf<T>* change, std::int64_t n);

struct BilateralRows {
  BilateralRow<float> f32;
  BilateralRow<double> f64;
  DTypeTable<BilateralScale> scale;
  DTypeTable<BilateralStore> store;

  template <class Work>
  BilateralRow<Work> row() const {
    if constexpr (std::is_same_v<Work, float>) return f32;
    else return f64;
  }
};

CORMACK_TABLE(BilateralRows, bilateral_rows)

}  // namespace cormack
