#pragma once
// Lengths and factors of discrete Fourier transforms at the frequencies (4 k + 1) / (4 n), 0 <= k < n.
//
// With their negatives these are all odd multiples of 1 / (4 n): the transform of a sequence that changes its sign
// after 2 n values. So n real values followed by n zeros take n complex results, none of which is another one's
// conjugate, and an even sequence has a real transform, the cosines of one half of it.
#include <vector>

#include "features/fft_rows.hpp"

namespace cormack {

// The transform of columns of n values, n a product of 2, 3 and 5: the angles are pi (4 k + 1) i / (2 n). Of its n
// frequencies it may give every `folds`-th alone, from `first` on, `folds` a divisor of n: all such parts together take
// little more time. Results have a relative error of a few roundings.
class Fft {
 public:
  explicit Fft(std::int64_t n, std::int64_t folds = 1, std::int64_t first = 0);
  Fft(const Fft&) = delete;
  Fft& operator=(const Fft&) = delete;
  static std::int64_t length_from(std::int64_t least);  // the next length that has a transform

  std::int64_t size() const { return plan_.n; }  // of the result
  std::int64_t work() const { return 4 * plan_.n * kColumns; }
  const FftPlan& plan() const { return plan_; }

 private:
  FftPlan plan_;
  std::vector<FftPass> passes_;
  std::vector<double> twiddles_, phases_;
};

}  // namespace cormack
