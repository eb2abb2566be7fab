#include "features/fft.hpp"

#include <cmath>
#include <numbers>

namespace cormack {
namespace {

// Few large steps; 4 before 6 where both divide, 6 twice rather than 4, 3 and 3.
int radix_of(std::int64_t rest) {
  if (rest % 36 == 0) return 6;
  for (const int radix : {4, 6, 5, 3, 2})
    if (rest % radix == 0) return radix;
  return 1;
}

}  // namespace

std::int64_t Fft::length_from(std::int64_t least) {
  for (std::int64_t n = least < 1 ? 1 : least;; ++n) {
    std::int64_t rest = n;
    for (const int factor : {2, 3, 5})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1) return n;
  }
}

Fft::Fft(std::int64_t n, std::int64_t folds, std::int64_t first) {
  std::int64_t rest = n / folds, done = 1;
  std::vector<std::size_t> start;
  do {
    const int radix = radix_of(rest);
    const std::int64_t parts = rest / radix;
    start.push_back(twiddles_.size());
    for (std::int64_t part = 0; part < parts; ++part) {
      for (int k = 1; k < radix; ++k) {
        const double angle = -2 * std::numbers::pi * static_cast<double>(part * k) / static_cast<double>(rest);
        twiddles_.push_back(std::cos(angle));
        twiddles_.push_back(std::sin(angle));
      }
    }
    passes_.push_back({radix, parts, done, nullptr});
    done *= radix;
    rest = parts;
  } while (rest > 1);
  for (std::size_t i = 0; i < passes_.size(); ++i) passes_[i].twiddles = twiddles_.data() + start[i];
  for (std::int64_t i = 0; i < n; ++i) {
    // Less than a turn, for the sake of accuracy.
    const std::int64_t quarters = (4 * first + 1) * i % (4 * n);
    const double angle = std::numbers::pi * static_cast<double>(quarters) / (2 * static_cast<double>(n));
    phases_.push_back(std::cos(angle));
    phases_.push_back(-std::sin(angle));
  }
  plan_ = {n / folds, folds, static_cast<int>(passes_.size()), passes_.data(), phases_.data()};
}

}  // namespace cormack
