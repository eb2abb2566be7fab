#pragma once
// The mean of a few bytes from their sum, in 16-bit arithmetic:
//   dividend = sum + count / 2, mean = upper 16 bits of (dividend * multiplier) >> shift
// and one less where the mean is odd and mean * count is the dividend of an even count: round half to even.
#include "core/hd.hpp"
namespace cormack {

struct QuickMean {
  unsigned count;       // of bytes, at least 2
  unsigned multiplier;  // ceil(2^(16 + shift) / count)
  unsigned shift;
  bool exact;  // for every sum of `count` bytes

  // With M the multiplier, e = M count - 2^(16 + shift) and s < 2^16: floor(s M / 2^(16 + shift)) is floor(s / count)
  // as long as e s < 2^(16 + shift), for a fraction is at least 1 / count below the next integer.
  static CORMACK_HD QuickMean of(unsigned count) {
    QuickMean mean{count, 0, 0, false};
    if (count < 2 || count > 256) return mean;
    while (2u << mean.shift < count) ++mean.shift;
    const unsigned power = 1u << (16 + mean.shift);
    mean.multiplier = (power + count - 1) / count;
    const unsigned largest = 255 * count + count / 2;
    mean.exact = static_cast<unsigned long long>(mean.multiplier * count - power) * largest < power;
    return mean;
  }
};

}  // namespace cormack
