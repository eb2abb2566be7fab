#include "features/fft.hpp"

#include <cmath>
#include <numbers>

namespace cormack {

std::int64_t Fft::length_from(std::int64_t least) {
  for (std::int64_t n = least < 2 ? 2 : least;; ++n) {
    std::int64_t rest = n;
    for (const int factor : {2, 3, 5})
      while (rest % factor == 0) rest /= factor;
    if (rest == 1) return n;
  }
}

Fft::Fft(std::int64_t n) : n_(n) {
  std::int64_t rest = n, done = 1;
  std::vector<std::size_t> start;
  while (rest > 1) {
    const int radix = rest % 4 == 0 ? 4 : rest % 2 == 0 ? 2 : rest % 3 == 0 ? 3 : 5;
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
  }
  for (std::size_t i = 0; i < passes_.size(); ++i) passes_[i].twiddles = twiddles_.data() + start[i];
}

}  // namespace cormack
