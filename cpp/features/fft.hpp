#pragma once
// Lengths and factors of discrete Fourier transforms.
#include <vector>

#include "features/fft_rows.hpp"

namespace cormack {

// The transform of columns of n values, n a product of 2, 3 and 5. Results have a relative error of a few roundings.
class Fft {
 public:
  explicit Fft(std::int64_t n);
  static std::int64_t length_from(std::int64_t least);  // the next length that has a transform

  std::int64_t size() const { return n_; }
  std::int64_t work() const { return 4 * n_ * kColumns; }
  void forward(const double* const* real, const double* const* imaginary, double* result_real, double* result_imaginary,
               double* work) const {
    fft_rows().forward(passes_.data(), static_cast<int>(passes_.size()), real, imaginary, result_real, result_imaginary,
                       work);
  }

 private:
  std::int64_t n_;
  std::vector<FftPass> passes_;
  std::vector<double> twiddles_;
};

}  // namespace cormack
