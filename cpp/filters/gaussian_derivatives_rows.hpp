#pragma once
// The loops behind Gaussian derivatives: a symmetric kernel s that smooths and a kernel d that derives, symmetric for
// second derivatives, antisymmetric for first ones. rows[k] stands at offset k = -radius .. radius; weights are those
// of offsets 0 .. radius.
#include "core/dtype_table.hpp"
#include "core/isa.hpp"
#include "filters/correlate_rows.hpp"

namespace cormack {

template <class Work>
struct KernelPair {
  const Work* smooth;
  const Work* derive;
  std::int64_t radius;
};

// First pass: smooth = s rows + offsets[0], derived = d rows + offsets[1].
template <class T>
using ReadPair = void (*)(TapWork<T>* smooth, TapWork<T>* derived, const T* const* rows,
                          const KernelPair<TapWork<T>>& kernel, const TapWork<T>* offsets, std::int64_t n);
// Second pass, from the first one's rows to what the last one needs:
//   Laplacian  out[0] = s smooth, out[1] = d smooth + s derived
//   gradient   out[0] = s smooth, out[1] = d smooth, out[2] = s derived
template <class Work>
using JoinPair = void (*)(Work* const* out, const Work* const* smooth, const Work* const* derived,
                          const KernelPair<Work>& kernel, std::int64_t n);
// Last pass, over `channels` of those lines along x:
//   Laplacian  out = d lines[0] + s lines[1]
//   gradient   out = sqrt((d lines[0])^2 + (s lines[1])^2 + (s lines[2])^2)
template <class Work, class Out>
using WritePair = void (*)(Out* out, const Work* const* lines, int channels, const KernelPair<Work>& kernel,
                           std::int64_t n);

// [0] for the Laplacian, [1] for the gradient.
struct GaussianDerivativesRows {
  DTypeTable<ReadPair> read[2];
  JoinPair<float> join_f32[2];
  JoinPair<double> join_f64[2];
  WritePair<float, float> write_f32[2];
  WritePair<double, float> write_mixed[2];
  WritePair<double, double> write_f64[2];

  template <class Work>
  JoinPair<Work> join(bool gradient) const {
    if constexpr (std::is_same_v<Work, float>) return join_f32[gradient];
    else return join_f64[gradient];
  }
  template <class Work, class Out>
  WritePair<Work, Out> write(bool gradient) const {
    if constexpr (std::is_same_v<Work, float>) return write_f32[gradient];
    else if constexpr (std::is_same_v<Out, float>) return write_mixed[gradient];
    else return write_f64[gradient];
  }
};

CORMACK_TABLE(GaussianDerivativesRows, gaussian_derivatives_rows)

}  // namespace cormack
