#pragma once
// What a few intensities, or a histogram of grey levels, become: the features of IBSI (A. Zwanenburg et al.,
// arXiv:1612.07003, sections 3.3 and 3.4), in its order, shared by CPU and GPU. No standard header.
#include "core/hd.hpp"
#include "features/texture_formulas.hpp"

namespace cormack {

inline constexpr int kHistogramFeatures = 23, kQuantileCount = 5;
inline constexpr double kQuantilesOf[kQuantileCount] = {0.1, 0.25, 0.5, 0.75, 0.9};

// As numpy.percentile: from the nearer end, so that the result never leaves [a, b].
CORMACK_HD double between(double a, double b, double part) {
  return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1 - part);
}

CORMACK_HD double magnitude(double value) { return value < 0 ? -value : value; }

// Intensity statistics of n values, n > 0, in any order. Without quantiles (null), those that need them are left.
CORMACK_HD void intensity_statistics(const double* values, long long n, const double* quantiles, double* result) {
  double sum = 0, energy = 0, low = values[0], high = values[0];
  for (long long i = 0; i < n; ++i) {
    sum += values[i];
    energy += values[i] * values[i];
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  const double count = static_cast<double>(n);
  // Rounding must not lead outside: a constant has its value as mean.
  double mean = sum / count;
  mean = mean < low ? low : mean > high ? high : mean;
  double second = 0, third = 0, fourth = 0, deviation = 0;
  for (long long i = 0; i < n; ++i) {
    const double d = values[i] - mean, square = d * d;
    second += square;
    third += square * d;
    fourth += square * square;
    deviation += magnitude(d);
  }
  const double variance = second / count;
  const bool varies = low < high && variance > 0;
  result[0] = mean;
  result[1] = variance;
  result[2] = varies ? third / count / (variance * __builtin_sqrt(variance)) : 0.0;
  result[3] = varies ? fourth / count / (variance * variance) - 3.0 : 0.0;
  result[5] = low;
  result[8] = high;
  result[10] = high - low;
  result[11] = deviation / count;
  result[14] = __builtin_sqrt(variance) / mean;
  result[16] = energy;
  result[17] = __builtin_sqrt(energy / count);
  if (quantiles == nullptr) return;
  const double p10 = quantiles[0], median = quantiles[2], p90 = quantiles[4];
  double inside = 0, inside_sum = 0, from_median = 0;
  for (long long i = 0; i < n; ++i) {
    from_median += magnitude(values[i] - median);
    if (values[i] < p10 || values[i] > p90) continue;
    inside += 1;
    inside_sum += values[i] - mean;
  }
  const double center = mean + inside_sum / inside;
  double robust = 0;
  for (long long i = 0; i < n; ++i)
    if (values[i] >= p10 && values[i] <= p90) robust += magnitude(values[i] - center);
  result[4] = median;
  result[6] = p10;
  result[7] = p90;
  result[9] = quantiles[3] - quantiles[1];
  result[12] = robust / inside;
  result[13] = from_median / count;
  result[15] = (quantiles[3] - quantiles[1]) / (quantiles[3] + quantiles[1]);
}

// How often a level occurs that lies within two of bin i; bins are in increasing order.
template <class B>
CORMACK_HD double count_near(const B* bins, long long n, long long i, int level) {
  for (long long j = i < 2 ? 0 : i - 2; j < n && j <= i + 2; ++j)
    if (bins[j].value == level) return bins[j].count;
  return 0;
}

// The extremes of the differences between the counts of neighbouring levels, and the lowest levels that have them.
// Levels whose neighbours do not occur need no visit: the gradient there is 0.
template <class B>
CORMACK_HD void histogram_gradient(const B* bins, long long n, int highest, double* result) {
  double most = -__builtin_inf(), least = __builtin_inf();
  int most_at = 0, least_at = 0, next = 1, gap = 0;
  for (long long i = 0; i < n; ++i) {
    for (int level = bins[i].value - 1; level <= bins[i].value + 1; ++level) {
      if (level < next || level > highest) continue;
      if (gap == 0 && level > next) gap = next;
      next = level + 1;
      const double below = count_near(bins, n, i, level - 1), above = count_near(bins, n, i, level + 1);
      const double here = count_near(bins, n, i, level);
      double gradient = (above - below) / 2;
      if (level == 1) gradient = above - here;
      if (level == highest) gradient = here - below;
      if (highest == 1) gradient = 0;
      if (gradient > most) most = gradient, most_at = level;
      if (gradient < least) least = gradient, least_at = level;
    }
  }
  if (gap == 0 && next <= highest) gap = next;
  if (gap != 0) {
    if (most < 0 || (most == 0 && gap < most_at)) most = 0, most_at = gap;
    if (least > 0 || (least == 0 && gap < least_at)) least = 0, least_at = gap;
  }
  result[0] = most;
  result[1] = most_at;
  result[2] = least;
  result[3] = least_at;
}

// The intensity histogram; bins (as for entropy_of) in increasing order, n > 0. highest: the number of levels of the
// discretisation.
template <class B, class Log2>
CORMACK_HD void histogram_features(const B* bins, long long n, int highest, Log2 log2_of, double* result) {
  double total = 0, mean = 0;
  for (long long i = 0; i < n; ++i) {
    total += bins[i].count;
    mean += static_cast<double>(bins[i].count) * bins[i].value;
  }
  mean /= total;
  double quantiles[kQuantileCount];
  for (int q = 0; q < kQuantileCount; ++q) {
    const double position = (total - 1) * kQuantilesOf[q];
    const double below = static_cast<double>(static_cast<long long>(position));
    double a = 0, b = 0, up_to = 0;
    for (long long i = 0; i < n; ++i) {
      if (up_to <= below) a = b = bins[i].value;
      // The next rank, which the last value has not.
      else if (up_to <= below + 1) b = bins[i].value;
      up_to += bins[i].count;
    }
    quantiles[q] = between(a, b, position - below);
  }
  const double p10 = quantiles[0], median = quantiles[2], p90 = quantiles[4];
  double second = 0, third = 0, fourth = 0, deviation = 0, from_median = 0, squares = 0, inside = 0, inside_sum = 0;
  double mode = 0, most = 0;
  for (long long i = 0; i < n; ++i) {
    const double count = bins[i].count, d = bins[i].value - mean, square = d * d;
    second += count * square;
    third += count * (square * d);
    fourth += count * (square * square);
    deviation += count * magnitude(d);
    from_median += count * magnitude(bins[i].value - median);
    squares += count * count;
    if (count > most || (count == most && magnitude(d) < magnitude(mode - mean))) {
      most = count;
      mode = bins[i].value;
    }
    if (bins[i].value < p10 || bins[i].value > p90) continue;
    inside += count;
    inside_sum += count * bins[i].value;
  }
  const double center = inside_sum / inside;
  double robust = 0;
  for (long long i = 0; i < n; ++i)
    if (bins[i].value >= p10 && bins[i].value <= p90) robust += bins[i].count * magnitude(bins[i].value - center);
  const double variance = second / total;
  const bool varies = n > 1;
  result[0] = mean;
  result[1] = varies ? variance : 0.0;
  result[2] = varies ? third / total / (variance * __builtin_sqrt(variance)) : 0.0;
  result[3] = varies ? fourth / total / (variance * variance) - 3.0 : 0.0;
  result[4] = median;
  result[5] = bins[0].value;
  result[6] = p10;
  result[7] = p90;
  result[8] = bins[n - 1].value;
  result[9] = mode;
  result[10] = quantiles[3] - quantiles[1];
  result[11] = bins[n - 1].value - bins[0].value;
  result[12] = deviation / total;
  result[13] = robust / inside;
  result[14] = from_median / total;
  result[15] = varies ? __builtin_sqrt(variance) / mean : 0.0;
  result[16] = (quantiles[3] - quantiles[1]) / (quantiles[3] + quantiles[1]);
  result[17] = entropy_of(bins, n, total, log2_of);
  result[18] = squares / (total * total);
  histogram_gradient(bins, n, highest, result + 19);
}

}  // namespace cormack
