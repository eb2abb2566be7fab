#pragma once
// Quantiles and higher moments of the values in every object of a label image. The values of each object are brought
// together in order (memory: one copy of the values of all objects, and 24 bytes a run of labels along x), then
// measured one object at a time: small ones sorted, the integers of large ones counted where they lie closely enough.
// Linear in the pixels for integers of 16 bits; else at most n log n of an object's n. The same bits for any number of
// threads.
#include <span>
#include <vector>

#include "core/image.hpp"

namespace cormack {

struct LabelValues {
  std::vector<double> skewness, kurtosis;  // of the population, kurtosis less 3; 0 where all values are equal
  std::vector<double> quantiles;           // those of every object for the first of `at`, then for the second, ...
};

namespace cpu {
// labels: any integer dtype, 0 is background. values: any dtype, the shape of labels. numbers: the labels that occur,
// in increasing order, which is that of the results. at: quantiles from 0 to 1, increasing; between two values they are
// interpolated as numpy.quantile does. moments: find skewness and kurtosis, which else are 0. NaN where a value is NaN.
LabelValues label_values(const Image& labels, const Image& values, std::span<const std::int64_t> numbers,
                         std::span<const double> at, bool moments, Context context);
}  // namespace cpu
}  // namespace cormack
