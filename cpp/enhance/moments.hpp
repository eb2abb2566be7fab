#pragma once
// Number, mean and variance (1/N) of the values of an image, or of its part inside a mask, that lie strictly between
// two bounds; NaN is left out. 8 and 16 bit images through their exact counts; others in float64 around the mean, in
// blocks of memory summed in one order: the same bits for any number of threads.
#include "core/image.hpp"

namespace cormack {

struct Moments {
  std::int64_t count = 0;
  double mean = 0, variance = 0;
};

namespace cpu {
Moments moments(const Image& image, const Image* mask, double above, double below, Context context);
}
}  // namespace cormack
