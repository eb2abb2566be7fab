#pragma once
// The loops of Canny's smoothing and gradient. Rows are scratch: they may be read and written up to kCannySlack values
// past their end. S is what is stored, A what is computed in.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

inline constexpr std::int64_t kCannySlack = 64;

template <class S, class A>
struct CannyLoops {
  // out = weights[0] rows[0] + sum of weights[k] (rows[-k] + rows[k]), k = radius .. 1, added in this order: SciPy's.
  void (*smooth_rows)(S* out, const S* const* rows, const A* weights, std::int64_t radius, std::int64_t n);
  // The same along a row, continued beyond its ends.
  void (*smooth_line)(S* out, const S* row, const A* weights, std::int64_t radius, std::int64_t n);
  // out = row[i + 1] - row[i - 1]
  void (*difference)(S* out, const S* row, std::int64_t n);
  // Sobel in 2-D: from the differences along x of rows -1, 0, 1, and the rows above and below, continued by one value.
  // g: strength, gy, gx; `across` is scratch with room for a value before it.
  void (*gradient_2d)(S* const* g, S* across, const S* const* along, const S* above, const S* below, const A* factors,
                      std::int64_t n);
  // Along z: sums = -1, 0, 1 weighted 1, 2, 1; differences = 1 less -1; of rows continued by one value.
  void (*join_planes)(S* sums, S* differences, const S* const* rows, std::int64_t n);
  // Sobel in 3-D from those of rows -1, 0, 1. g: strength, gz, gy, gx; factors: of z, y, x.
  void (*gradient_3d)(S* const* g, S* const* lines, const S* const* sums, const S* const* differences, const A* factors,
                      std::int64_t n);
  void (*divide)(S* row, const S* by, std::int64_t n);
};

struct CannyRows {
  CannyLoops<float, float> single;
  CannyLoops<float, double> mixed;
  CannyLoops<double, double> wide;

  template <class S, class A>
  const CannyLoops<S, A>& get() const {
    if constexpr (sizeof(A) == 4) return single;
    else if constexpr (sizeof(S) == 4) return mixed;
    else return wide;
  }
};

CORMACK_TABLE(CannyRows, canny_rows)

}  // namespace cormack
