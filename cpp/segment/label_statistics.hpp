#pragma once
// Size, place, shape and values of every object of a label image, in one pass. Sums of integers are exact; those of
// floating point have an order that the shape of the image fixes, so results do not depend on the number of threads.
// Linear in the pixels, whatever the number of labels.
#include <optional>
#include <span>
#include <vector>

#include "core/image.hpp"
#include "core/scratch.hpp"

namespace cormack {

struct LabelStatistics {
  std::int64_t label = 0;
  std::int64_t count = 0;
  std::array<std::int64_t, 3> start{}, stop{};  // half open; (z, y, x)
  std::array<double, 3> centroid{};             // index coordinates
  // Eigenvalues of the covariance of the object's points in units of spacing, largest first; 0 for the third in 2-D.
  // Pixels are boxes: ITK's LabelShapeStatistics takes their centres, without spacing^2 / 12 along each axis.
  std::array<double, 3> principal_moments{};
  std::array<std::array<double, 3>, 3> principal_axes{};  // of length 1, (z, y, x), in the order of the moments
  // Mean of the index coordinates, each with its value as its weight; NaN where the weights' sum is 0.
  std::array<double, 3> weighted_centroid{};
  double mean = 0, std = 0, min = 0, max = 0;  // of the values; 0 without them; NaN where a value is NaN
};

struct LabelStatisticsTable {
  std::vector<LabelStatistics, LargePages<LabelStatistics>> rows;  // labels that occur, increasing
  std::int64_t negative_label = 0;                                 // where not 0, the image has it and rows is empty
};

// What takes time of its own; 0 where it is not chosen.
struct LabelStatisticsChoice {
  bool principal = true;  // moments and axes
  bool weighted = false;  // centroids
};

namespace cpu {
// labels: any integer dtype, 0 is background. values: null or any dtype, the shape of labels. Throws
// std::invalid_argument for an axis longer than 2^20.
LabelStatisticsTable label_statistics(const Image& labels, const Image* values, const std::array<double, 3>& spacing,
                                      LabelStatisticsChoice choice, Context context);

// What a GPU summed: of each object 13 sums, in the order of segment/label_statistics.cuh, its box (start, stop), the
// extremes of its values and, of floating values, their mean and the sum of squared deviations from it (NaN where a
// value is). values: the dtype of the values, if there are some.
struct LabelSums {
  std::span<const std::int64_t> labels;
  std::span<const std::uint64_t> sums;
  std::span<const std::int32_t> boxes;
  std::span<const double> extremes, spread;
  std::optional<DType> values;
};
std::vector<LabelStatistics, LargePages<LabelStatistics>> label_statistics_of_sums(const LabelSums& found, int ndim,
                                                                                   const std::array<double, 3>& spacing,
                                                                                   bool principal);
}  // namespace cpu
}  // namespace cormack
