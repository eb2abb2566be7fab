// Values of a run lie contiguously, at any alignment.
#include <limits>

#include "segment/label_statistics_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static void add_integers(const T* values, std::int64_t n, IntegerSums& sums) {
  T low = std::numeric_limits<T>::max(), high = std::numeric_limits<T>::min();
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    sum += values[i];
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  std::uint64_t square_low = 0, square_high = 0;
  if constexpr (sizeof(T) <= 2) {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::uint32_t value = static_cast<std::uint32_t>(values[i]);
      square_low += value * value;
    }
  } else {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::uint64_t value = static_cast<std::uint64_t>(static_cast<std::int64_t>(values[i]));
      const std::uint64_t square = value * value;
      square_low += square & 0xffffffffu;
      square_high += square >> 32;
    }
  }
  sums.sum += sum;
  sums.square_low += square_low;
  sums.square_high += square_high;
  sums.min = low < sums.min ? low : sums.min;
  sums.max = high > sums.max ? high : sums.max;
}

// Runs of fewer values are added one by one; in longer ones value i goes to partial sum i % kLanes, and those are added
// pairwise. The same order on every level.
constexpr std::int64_t kLanes = 16;

static double add_pairwise(double* lanes) {
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t k = 0; k < half; ++k) lanes[k] += lanes[k + half];
  }
  return lanes[0];
}

template <class T>
static void add_few(const T* values, std::int64_t n, FloatSums& sums) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double value = static_cast<double>(values[i]), difference = value - sums.shift;
    sums.sum += difference;
    sums.square += difference * difference;
    sums.min = value < sums.min ? value : sums.min;
    sums.max = value > sums.max ? value : sums.max;
    sums.nan_count += value != value;
  }
}

template <class T>
static void add_floats(const T* values, std::int64_t n, FloatSums& sums) {
  if (n < kLanes) {
    add_few(values, n, sums);
    return;
  }
  double sum[kLanes] = {}, square[kLanes] = {};
  T low[kLanes], high[kLanes];
  for (std::int64_t k = 0; k < kLanes; ++k) {
    low[k] = std::numeric_limits<T>::infinity();
    high[k] = -low[k];
  }
  const double shift = sums.shift;
  std::int64_t nan_count = 0, i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) {
      const T value = values[i + k];
      const double difference = static_cast<double>(value) - shift;
      sum[k] += difference;
      square[k] += difference * difference;
      low[k] = value < low[k] ? value : low[k];
      high[k] = value > high[k] ? value : high[k];
      nan_count += value != value;
    }
  }
  sums.sum += add_pairwise(sum);
  sums.square += add_pairwise(square);
  for (std::int64_t k = 0; k < kLanes; ++k) {
    sums.min = low[k] < sums.min ? static_cast<double>(low[k]) : sums.min;
    sums.max = high[k] > sums.max ? static_cast<double>(high[k]) : sums.max;
  }
  sums.nan_count += nan_count;
  add_few(values + i, n - i, sums);
}

template <class T>
static WeightSums weigh(const T* values, std::int64_t n) {
  double weight[kLanes] = {}, moment[kLanes] = {}, place[kLanes];
  for (std::int64_t k = 0; k < kLanes; ++k) place[k] = static_cast<double>(k);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) {
      const double value = static_cast<double>(values[i + k]);
      weight[k] += value;
      moment[k] += value * place[k];
      place[k] += static_cast<double>(kLanes);
    }
  }
  WeightSums sums;
  if (i > 0) sums = {add_pairwise(weight), add_pairwise(moment)};
  for (; i < n; ++i) {
    const double value = static_cast<double>(values[i]);
    sums.weight += value;
    sums.moment += value * static_cast<double>(i);
  }
  return sums;
}

extern const LabelStatisticsRows label_statistics_rows;
const LabelStatisticsRows label_statistics_rows{
    {add_integers<std::uint8_t>, add_integers<std::int8_t>, add_integers<std::uint16_t>, add_integers<std::int16_t>,
     add_integers<std::uint32_t>, add_integers<std::int32_t>, nullptr, nullptr},
    add_floats<float>,
    add_floats<double>,
    {weigh<std::uint8_t>, weigh<std::int8_t>, weigh<std::uint16_t>, weigh<std::int16_t>, weigh<std::uint32_t>,
     weigh<std::int32_t>, weigh<float>, weigh<double>},
};

}  // namespace cormack::CORMACK_ISA
