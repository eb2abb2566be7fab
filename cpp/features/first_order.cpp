#include "features/first_order.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "core/check.hpp"
#include "enhance/histogram.hpp"
#include "enhance/minmax.hpp"
#include "features/intensity_formulas.hpp"
#include "features/order_statistics.hpp"

namespace cormack {
namespace {

// Up to so many voxels their range is looked for first: most tables of all values of 16 bits would be empty.
constexpr std::int64_t kFew = 1 << 15;

void set_quantiles(FirstOrder& result, const double* quantiles) {
  result.p10 = quantiles[0];
  result.median = quantiles[2];
  result.p90 = quantiles[4];
  result.iqr = quantiles[3] - quantiles[1];
  result.qcod = (quantiles[3] - quantiles[1]) / (quantiles[3] + quantiles[1]);
  result.range = result.max - result.min;
}

// value_at(rank) is the value of that rank among the sorted ones.
template <class ValueAt>
void set_order_statistics(FirstOrder& result, const ValueAt& value_at) {
  double quantiles[kQuantileCount];
  for (int k = 0; k < kQuantileCount; ++k) {
    const Position at = position_of(kQuantilesOf[k], result.count);
    quantiles[k] = between(value_at(at.below), value_at(at.above), at.fraction);
  }
  set_quantiles(result, quantiles);
}

void set_moments(FirstOrder& result, const CentralSums& sums) {
  const double n = static_cast<double>(result.count);
  result.var = sums.second / n;
  if (result.min < result.max && result.var > 0) {
    result.skew = sums.third / n / (result.var * std::sqrt(result.var));
    result.kurt = sums.fourth / n / (result.var * result.var) - 3.0;
  }
  result.mad = sums.absolute / n;
  result.medad = sums.absolute_median / n;
  result.cov = std::sqrt(result.var) / result.mean;
  result.rms = std::sqrt(result.energy / n);
}

template <class T>
FirstOrder of_small_integers(const Image& image, const Image* mask, Context context) {
  std::int64_t low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  if (sizeof(T) == 2 && image.size() <= kFew) {
    const MinMax extremes = cpu::minmax(image, mask, context);
    if (!(extremes.low <= extremes.high)) return {};
    low = static_cast<std::int64_t>(extremes.low);
    high = static_cast<std::int64_t>(extremes.high);
  }
  const std::int64_t size = high - low + 1;
  std::vector<std::int64_t> counts(static_cast<std::size_t>(size));
  cpu::value_counts(image, mask, low, size, counts.data(), context);
  return first_order_of_counts(counts.data(), size, low);
}

// Sums one number of every block, carrying along what rounding drops (Neumaier).
template <class Part>
double total(const std::vector<Part>& parts, double Part::* member) {
  double sum = 0, lost = 0;
  for (const Part& part : parts) {
    const double value = part.*member, next = sum + value;
    lost += std::abs(sum) >= std::abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return sum + lost;
}

template <class T>
FirstOrder of_values(const View<const T>& image, const std::optional<View<const std::uint8_t>>& mask, Context context) {
  const Gathered<T> values(image, mask, context);
  FirstOrder result;
  result.count = values.count();
  if (result.count == 0) return result;
  const FirstOrderRows& rows = first_order_rows();
  const auto blocks = static_cast<std::size_t>(blocks_of(values));

  std::vector<PowerSums> power(blocks);
  over_blocks(values, context, [&](std::int64_t i, const double* row, std::int64_t n) {
    power[static_cast<std::size_t>(i)] = rows.power(row, n);
  });
  result.not_finite = static_cast<std::int64_t>(total(power, &PowerSums::not_finite));
  if (result.not_finite > 0) return result;
  const Image flat{const_cast<T*>(values.data()), dtype_of<T>(), 2, {1, 1, values.count()}, {0, 0, 1}};
  const MinMax extremes = cpu::minmax(flat, nullptr, context);
  result.min = extremes.low;
  result.max = extremes.high;
  result.mean = total(power, &PowerSums::sum) / static_cast<double>(result.count);
  // Rounding must not lead outside: a constant image has its value as mean.
  result.mean = std::clamp(result.mean, result.min, result.max);
  result.energy = total(power, &PowerSums::squares);
  set_order_statistics(result, OrderStatistics<T>(values, result.min, result.max, kQuantilesOf, context));

  std::vector<CentralSums> central(blocks);
  over_blocks(values, context, [&](std::int64_t i, const double* row, std::int64_t n) {
    central[static_cast<std::size_t>(i)] = rows.central(row, n, result.mean, result.median, result.p10, result.p90);
  });
  const CentralSums sums{
      total(central, &CentralSums::second),          total(central, &CentralSums::third),
      total(central, &CentralSums::fourth),          total(central, &CentralSums::absolute),
      total(central, &CentralSums::absolute_median), total(central, &CentralSums::inside),
      total(central, &CentralSums::inside_sum),
  };
  set_moments(result, sums);

  struct Deviation {
    double sum;
  };
  std::vector<Deviation> robust(blocks);
  const double center = result.mean + sums.inside_sum / sums.inside;
  over_blocks(values, context, [&](std::int64_t i, const double* row, std::int64_t n) {
    robust[static_cast<std::size_t>(i)].sum = rows.robust(row, n, center, result.p10, result.p90);
  });
  result.rmad = total(robust, &Deviation::sum) / sums.inside;
  return result;
}

}  // namespace

FirstOrder first_order_of_counts(const std::int64_t* counts, std::int64_t size, std::int64_t low) {
  FirstOrder result;
  std::vector<double> values, weights;
  std::vector<std::int64_t> up_to;  // voxels of this value or below
  std::int64_t sum = 0;
  std::uint64_t energy = 0;  // exact below 2^32 voxels
  for (std::int64_t i = 0; i < size; ++i) {
    if (counts[i] == 0) continue;
    const std::int64_t value = low + i;
    result.count += counts[i];
    sum += value * counts[i];
    energy += static_cast<std::uint64_t>(value * value) * static_cast<std::uint64_t>(counts[i]);
    values.push_back(static_cast<double>(value));
    weights.push_back(static_cast<double>(counts[i]));
    up_to.push_back(result.count);
  }
  if (result.count == 0) return result;
  result.mean = static_cast<double>(sum) / static_cast<double>(result.count);
  result.energy = static_cast<double>(energy);
  result.min = values.front();
  result.max = values.back();
  set_order_statistics(result, [&](std::int64_t rank) {
    return values[static_cast<std::size_t>(std::upper_bound(up_to.begin(), up_to.end(), rank) - up_to.begin())];
  });
  CentralSums sums{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double d = values[i] - result.mean, square = d * d, weight = weights[i];
    sums.second += weight * square;
    sums.third += weight * (square * d);
    sums.fourth += weight * (square * square);
    sums.absolute += weight * std::abs(d);
    sums.absolute_median += weight * std::abs(values[i] - result.median);
    if (values[i] < result.p10 || values[i] > result.p90) continue;
    sums.inside += weight;
    sums.inside_sum += weight * d;
  }
  set_moments(result, sums);
  const double center = result.mean + sums.inside_sum / sums.inside;
  double deviation = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= result.p10 && values[i] <= result.p90) deviation += weights[i] * std::abs(values[i] - center);
  }
  result.rmad = deviation / sums.inside;
  return result;
}

FirstOrder first_order_of_sums(FirstOrder result, const FirstOrderSums& sums) {
  set_quantiles(result, sums.quantiles.data());
  set_moments(result, {sums.second, sums.third, sums.fourth, sums.absolute, sums.absolute_median, sums.inside,
                       sums.inside_sum});
  result.rmad = sums.robust / sums.inside;
  return result;
}

namespace cpu {

FirstOrder first_order(const Image& image, const Image* mask, Context context) {
  check_mask("first_order", image, mask);
  return dispatch(image.dtype, [&](auto t) {
    using T = decltype(t);
    if constexpr (sizeof(T) <= 2) {
      return of_small_integers<T>(image, mask, context);
    } else {
      std::optional<View<const std::uint8_t>> inside;
      if (mask != nullptr) inside = mask->view<const std::uint8_t>();
      return of_values(image.view<const T>(), inside, context);
    }
  });
}

}  // namespace cpu
}  // namespace cormack
