#pragma once
// Intensity-based statistics of the Image Biomarker Standardisation Initiative (family UHIW): 18 numbers on the values
// of an image inside a mask. 8 and 16 bit images go through their exact histogram; others through fixed blocks of
// float64 sums around the mean and exact order statistics. Same bits for any number of threads and any strides.
#include <array>

#include "core/image.hpp"

namespace cormack {

struct FirstOrder {
  std::int64_t count = 0;       // values inside the mask
  std::int64_t not_finite = 0;  // NaN and infinities among them; nothing below is set where there are any or no values
  double mean = 0, var = 0, skew = 0, kurt = 0;  // 1/N; excess kurtosis; skew and kurt are 0 where var is 0
  double median = 0, min = 0, p10 = 0, p90 = 0, max = 0, iqr = 0, range = 0;  // percentiles: linear interpolation
  double mad = 0, rmad = 0, medad = 0;  // mean absolute deviations: from the mean, of [p10, p90], from the median
  double cov = 0, qcod = 0, energy = 0, rms = 0;
};

// From the number of voxels of every value, low ... low + size - 1.
FirstOrder first_order_of_counts(const std::int64_t* counts, std::int64_t size, std::int64_t low);

// Where values were added up elsewhere: result has count, min, max, mean and energy; quantiles are those of 0.1, 0.25,
// 0.5, 0.75 and 0.9; the sums are those that are added up around the mean.
struct FirstOrderSums {
  std::array<double, 5> quantiles;
  double second, third, fourth, absolute, absolute_median, inside, inside_sum;
  double robust;  // of the magnitudes of differences from mean + inside_sum / inside, where values are inside
};
FirstOrder first_order_of_sums(FirstOrder result, const FirstOrderSums& sums);

namespace cpu {
FirstOrder first_order(const Image& image, const Image* mask, Context context);  // mask: bool or uint8, or null
}
}  // namespace cormack
