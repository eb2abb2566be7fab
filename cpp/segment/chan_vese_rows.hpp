#pragma once
// One row of the Chan-Vese descent. Compiled per instruction set.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

// Sums over a row: of the image where the level set is positive, and elsewhere, how often it is, and of the squared
// change of the level set.
struct ChanVeseSums {
  double inside, outside, count, change;
};

// Rows of the level set beside one, clamped to the image; front and back are null in 2-D.
template <class T>
struct ChanVeseStep {
  const T *image, *here, *up, *down, *front, *back;
  T* out;
  std::int64_t n;
  T mu, lambda1, lambda2, dt, inside, outside;
};

struct ChanVeseRows {
  void (*step_f32)(const ChanVeseStep<float>& row);
  void (*step_f64)(const ChanVeseStep<double>& row);
  // now: the level set; was: before, or null.
  ChanVeseSums (*sums_f32)(const float* image, const float* now, const float* was, std::int64_t n);
  ChanVeseSums (*sums_f64)(const double* image, const double* now, const double* was, std::int64_t n);
};

CORMACK_TABLE(ChanVeseRows, chan_vese_rows)

}  // namespace cormack
