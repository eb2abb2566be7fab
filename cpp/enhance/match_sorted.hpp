#pragma once
// Histogram matching by sorted values: a value of rank r among n sorted ones becomes the value at r / m of the
// cumulative histogram of the m sorted reference values, linearly between its steps (numpy.interp of quantiles, as
// scikit-image).
#include "core/image.hpp"

namespace cormack::cpu {

// sorted: of src's dtype, which has at least 4 bytes; reference: float32 or float64. Both contiguous, increasing, free
// of NaN and not empty. Values of src outside the sorted ones take the nearest. NaN stays NaN in a floating dst. About
// four memory accesses per value, several values at a time. Temporary memory: 4 to 16 MiB.
void match_sorted(const Image& src, const Image& dst, const Image& sorted, const Image& reference, Context context);

}  // namespace cormack::cpu
