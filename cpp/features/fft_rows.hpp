#pragma once
// Discrete Fourier transforms of eight columns at once. Compiled per instruction set; columns do not meet, so that
// every level gives the same bits.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

inline constexpr std::int64_t kColumns = 8;

// One step of a transform of n = radix * parts * done values: `done` is the product of the radices of earlier steps.
struct FftPass {
  int radix;
  std::int64_t parts, done;
  const double* twiddles;  // cosine and sine for each part and each input but the first
};

struct FftRows {
  // Transforms columns: value i of column c is real[i][c], imaginary[i][c]. The result and the two rooms for work have
  // n * kColumns values; none overlaps another.
  void (*forward)(const FftPass* passes, int count, const double* const* real, const double* const* imaginary,
                  double* result_real, double* result_imaginary, double* work);
  // Adds to sums[0], sums[1], sums[2] (kColumns each) kernel times |a|^2, |b|^2, Re(conj(b) c), over n values. A
  // spectrum is n * kColumns real parts and as many imaginary ones.
  void (*products)(const double* kernel, const double* a, const double* b, const double* c, std::int64_t n,
                   double* sums);
};

CORMACK_TABLE(FftRows, fft_rows)

}  // namespace cormack
