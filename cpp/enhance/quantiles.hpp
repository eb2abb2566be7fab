#pragma once
// Exact order statistics of an image, or of its part inside a mask, without sorting: a radix selection, one pass over
// the image for every two bytes of its dtype. NaN is left out.
#include "core/image.hpp"

namespace cormack::cpu {

// below[i] and above[i] become the values between which quantile q[i], in [0, 1], of n values lies: those of ranks
// floor((n - 1) q) and the next. Returns n; nothing is set where it is 0. At most 64 quantiles. Temporary memory: up to
// 256 KiB for each of them and thread.
std::int64_t quantiles(const Image& image, const Image* mask, const double* q, int count, double* below, double* above,
                       Context context);

}  // namespace cormack::cpu
