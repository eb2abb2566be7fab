#pragma once
// Lengths and factors of discrete Fourier transforms at the frequencies (4 k + 1) / (4 n), 0 <= k < n.
//
// With their negatives these are all odd multiples of 1 / (4 n): the transform of a sequence that changes its sign
// after 2 n values. So n real values followed by n zeros take n complex results, none of which is another one's
// conjugate, and an even sequence has a real transform, the cosines of one half of it.
#include <vector>

#include "features/fft_rows.hpp"

namespace cormack {

// The transform of columns of n values, n a product of 2, 3 and 5. Results have a relative error of a few roundings.
class Fft {
 public:
  explicit Fft(std::int64_t n);
  Fft(const Fft&) = delete;
  Fft& operator=(const Fft&) = delete;
  static std::int64_t length_from(std::int64_t least);  // the next length that has a transform

  std::int64_t size() const { return n_; }
  std::int64_t work() const { return 4 * n_ * kColumns; }
  FftPlan plan() const { return {n_, static_cast<int>(passes_.size()), passes_.data(), phases_.data()}; }

 private:
  std::int64_t n_;
  std::vector<FftPass> passes_;
  std::vector<double> twiddles_, phases_;
};

}  // namespace cormack
