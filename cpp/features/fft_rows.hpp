#pragma once
// Transforms of eight columns at once. Compiled per instruction set; columns do not meet, so that every level gives the
// same bits.
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

struct FftPlan {
  std::int64_t n, folds;  // results, and inputs for each
  int count;
  const FftPass* passes;
  const double* phases;  // cosine and minus sine for each input
};

// Value i of eight columns is at first + (i - begin) * kColumns; values outside [begin, end) are 0.
struct FftInput {
  const double* first;
  std::int64_t begin, end;
};

struct FftRows {
  // cosines[k] = sum over i < n folds of in[i] cos(t), sines[k] = - sum of in[i] sin(t), for the angles of the plan
  // (see fft.hpp). Results are `step` apart. `work` has 4 n * kColumns values; nothing overlaps.
  void (*waves)(const FftPlan& plan, const FftInput& in, double* cosines, double* sines, std::int64_t step,
                double* work);
  // The cosines alone, of two inputs that begin at 0.
  void (*cosines)(const FftPlan& plan, const FftInput& a, const FftInput& b, double* of_a, double* of_b,
                  std::int64_t step, double* work);
  // Adds to kColumns sums kernel times a^2, over n values of cosines and as many sines after them.
  void (*powers)(const double* kernel, const double* a, std::int64_t n, double* sums);
  // Adds to sums kernel times b^2 and, after those, kernel times b c.
  void (*products)(const double* kernel, const double* b, const double* c, std::int64_t n, double* sums);
  // to[x] = factors / distance for distances with squares across + (x step)^2, twice that but for x = 0; kColumns
  // values each.
  void (*weights)(const double* across, const double* factors, double step, std::int64_t n, double* to);
  // Squares of n values, a multiple of kColumns; adds them to kColumns sums.
  void (*squares)(const double* from, std::int64_t n, double* to, double* sums);
  // kColumns rows of n values, `length` apart, of which those count whose bit is set. Bits of row k start in bits[k] at
  // bit `first`; null: none. values[x][k] is the value or 0, ones[x][k] 1 or 0. `length` is a multiple of kColumns.
  void (*gather)(const double* rows, std::int64_t length, const std::uint64_t* const* bits, std::int64_t first,
                 std::int64_t n, double* values, double* ones);
  // Blocks of kColumns rows of kColumns values, columns for rows. Block i goes to to + i * step.
  void (*turned)(const double* from, std::int64_t blocks, double* to, std::int64_t step);
  // Brings rows near that are wanted soon.
  void (*fetch)(const double* from, std::int64_t rows);
};

CORMACK_TABLE(FftRows, fft_rows)

}  // namespace cormack
