#pragma once
// The loops behind non_local_means. Compiled per instruction set. They work in whole registers, so up to kNonLocalSlack
// values beyond the last are read and written.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"

namespace cormack {

inline constexpr std::int64_t kNonLocalSlack = 32;

// out[i] = sum over k of (a[k step + i] - b[k step + i])^2
template <class Work>
using SquaredDifferences = void (*)(Work* out, const Work* a, const Work* b, std::int64_t step, std::int64_t count,
                                    std::int64_t n);
// out[i] = sum over k of rows[k][i]
template <class Work>
using AddRows = void (*)(Work* out, const Work* const* rows, std::int64_t count, std::int64_t n);

// Adds the second to the first and empties it.
template <class Work>
using Flush = void (*)(Work* total, Work* part, std::int64_t n);

// Weights of one shift, from sums of squared differences over `edge` values along x.
template <class Work>
struct NonLocalWeights {
  const Work* sums;
  std::int64_t edge;
  Work noise;   // what the noise alone adds to a sum
  Work factor;  // makes a sum the exponent, in units of the exponential's table
};

// Sums of weights and of weighted differences from the voxel.
template <class Work>
struct NonLocalMean {
  Work* weighted;
  Work* weights;
};

// Voxels at `here` and `there` resemble each other by one weight: adds to the mean of either, or of one.
template <class Work>
using JoinRows = void (*)(const NonLocalWeights<Work>& weights, const Work* here, const Work* there,
                          const NonLocalMean<Work>& at_here, const NonLocalMean<Work>& at_there, std::int64_t n);

template <class Work>
struct NonLocalKernels {
  SquaredDifferences<Work> squares;
  AddRows<Work> add;
  Flush<Work> flush;
  JoinRows<Work> both, here, there;
};

template <class T>
using NonLocalWorkOf = std::conditional_t<sizeof(T) <= 2 || std::is_same_v<T, float>, float, double>;
template <class T>
using NonLocalScale = void (*)(NonLocalWorkOf<T>* out, const T* pixels, NonLocalWorkOf<T> scale, std::int64_t n);
// out[i] = pixels[i] + scale * weighted[i] / weights[i]
template <class T>
using NonLocalStore = void (*)(T* out, const T* pixels, const NonLocalMean<NonLocalWorkOf<T>>& mean,
                               NonLocalWorkOf<T> scale, std::int64_t n);

struct NonLocalRows {
  NonLocalKernels<float> f32;
  NonLocalKernels<double> f64;
  DTypeTable<NonLocalScale> scale;
  DTypeTable<NonLocalStore> store;

  template <class Work>
  const NonLocalKernels<Work>& kernels() const {
    if constexpr (std::is_same_v<Work, float>) return f32;
    else return f64;
  }
};

CORMACK_TABLE(NonLocalRows, non_local_rows)

// The exponential is 2^x with a straight line between powers: x grows by 1 where the bits above the mantissa do, in
// steps of 2^-20. The bits of 1 are lowered so that the line lies around the curve.
inline constexpr double kStepsPerE = 1512775.3951951856938;     // 2^20 / ln 2
inline constexpr std::int64_t kExponentialOfZero = 1072632447;  // the upper half of a double's bits

}  // namespace cormack
