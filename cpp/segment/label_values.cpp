#include "segment/label_values.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "segment/label_index.hpp"
#include "segment/label_runs.hpp"

namespace cormack {
namespace {

// What a slab has of one object: so many values, which go from `first` on.
struct Part {
  std::int64_t label;
  std::int64_t count = 0, first = 0;
};

struct Run {
  std::int32_t part;  // its place in `parts`
  std::int32_t row;   // of the slab
  std::int64_t begin, length;
};

struct SlabRuns {
  std::vector<Part> parts;
  std::vector<Run> runs;
};

void find_runs(const Image& labels, std::int64_t begin, std::int64_t end, LabelIndex& index, SlabRuns& slab) {
  const std::unique_ptr<RunFinder> finder = run_finder(labels);
  const Scratch<LabelRun> runs(labels.shape[2] + 1);
  for (std::int64_t r = begin; r < end; ++r) {
    const std::int64_t count = finder->find(r / labels.shape[1], r % labels.shape[1], runs.data());
    for (std::int64_t i = 0; i < count; ++i) {
      std::int32_t& number = index[runs[i].label];
      if (number == 0) {
        slab.parts.push_back({runs[i].label});
        number = static_cast<std::int32_t>(slab.parts.size());
      }
      const std::int64_t length = runs[i].end - runs[i].begin;
      slab.parts[static_cast<std::size_t>(number) - 1].count += length;
      slab.runs.push_back({number - 1, static_cast<std::int32_t>(r - begin), runs[i].begin, length});
    }
  }
  for (const Part& part : slab.parts) index[part.label] = 0;
}

template <class T>
void scatter(const View<const T>& values, std::int64_t begin, SlabRuns& slab, T* gathered) {
  const ContiguousRows<T> rows(values);
  const T* row = nullptr;
  std::int64_t at = -1;
  for (const Run& run : slab.runs) {
    if (run.row != at) {
      at = run.row;
      row = rows((begin + at) / values.shape[1], (begin + at) % values.shape[1]);
    }
    std::int64_t& first = slab.parts[static_cast<std::size_t>(run.part)].first;
    T* to = gathered + first;
    for (std::int64_t k = 0; k < run.length; ++k) to[k] = row[run.begin + k];
    first += run.length;
  }
}

// Sums of powers of what is left of the values after their mean, in eight parts, so that the order of the sum is fixed
// and eight go at a time.
struct Moments {
  double second = 0, third = 0, fourth = 0;
};

constexpr std::int64_t kLanes = 8;

template <class T>
double mean_of(const T* values, std::int64_t n) {
  double sums[kLanes] = {};
  // From a value of the object, so that large values leave something of small differences.
  const double origin = static_cast<double>(values[0]);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) sums[k] += static_cast<double>(values[i + k]) - origin;
  }
  for (; i < n; ++i) sums[0] += static_cast<double>(values[i]) - origin;
  for (std::int64_t k = 1; k < kLanes; ++k) sums[0] += sums[k];
  return origin + sums[0] / static_cast<double>(n);
}

template <class T>
Moments moments_of(const T* values, std::int64_t n, double mean) {
  double second[kLanes] = {}, third[kLanes] = {}, fourth[kLanes] = {};
  std::int64_t i = 0;
  const auto add = [&](std::int64_t from, std::int64_t k) {
    const double rest = static_cast<double>(values[from]) - mean, square = rest * rest;
    second[k] += square;
    third[k] += square * rest;
    fourth[k] += square * square;
  };
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t k = 0; k < kLanes; ++k) add(i + k, k);
  }
  for (; i < n; ++i) add(i, 0);
  Moments sums;
  for (std::int64_t k = 0; k < kLanes; ++k) {
    sums.second += second[k];
    sums.third += third[k];
    sums.fourth += fourth[k];
  }
  return sums;
}

// The value at each place of the sorted values, places increasing. May change the order of the values.
template <class T>
class Ranks {
 public:
  void find(T* values, std::int64_t n, T least, T greatest, const std::vector<std::int64_t>& places,
            std::vector<double>& found) {
    if constexpr (std::is_integral_v<T>) {
      const auto width = static_cast<std::uint64_t>(static_cast<std::int64_t>(greatest) - least) + 1;
      if (n >= 512 && width <= std::min<std::uint64_t>(1 << 16, static_cast<std::uint64_t>(n) * 4)) {
        count(values, n, least, width, places, found);
        return;
      }
    }
    constexpr std::int64_t few = 32;
    if (n <= few) {
      std::sort(values, values + n);
      for (std::size_t i = 0; i < places.size(); ++i) found[i] = static_cast<double>(values[places[i]]);
      return;
    }
    std::int64_t sorted = 0;  // what comes before is not greater than what follows
    for (std::size_t i = 0; i < places.size(); ++i) {
      // The one after the last is the least of what follows.
      if (places[i] == sorted && i > 0) std::iter_swap(values + sorted, std::min_element(values + sorted, values + n));
      else if (places[i] >= sorted) std::nth_element(values + sorted, values + places[i], values + n);
      sorted = std::max(sorted, places[i] + 1);
      found[i] = static_cast<double>(values[places[i]]);
    }
  }

 private:
  void count(const T* values, std::int64_t n, T least, std::uint64_t width, const std::vector<std::int64_t>& places,
             std::vector<double>& found) {
    counts_.assign(static_cast<std::size_t>(width), 0);
    for (std::int64_t i = 0; i < n; ++i)
      ++counts_[static_cast<std::size_t>(static_cast<std::int64_t>(values[i]) - least)];
    std::int64_t below = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      while (below + counts_[at] <= places[i]) below += counts_[at++];
      found[i] = static_cast<double>(static_cast<std::int64_t>(least) + static_cast<std::int64_t>(at));
    }
  }

  std::vector<std::int64_t> counts_;
};

template <class T>
class Object {
 public:
  Object(std::span<const double> at, bool moments, LabelValues& result)
      : at_(at), moments_(moments), result_(result), places_(2 * at.size()) {
    found_.resize(places_.size());
  }

  void measure(T* values, std::int64_t n, std::size_t number, std::size_t objects) {
    T least = values[0], greatest = values[0];
    bool has_nan = false;
    for (std::int64_t i = 0; i < n; ++i) {
      least = values[i] < least ? values[i] : least;
      greatest = values[i] > greatest ? values[i] : greatest;
      if constexpr (std::is_floating_point_v<T>) has_nan = has_nan || values[i] != values[i];
    }
    if (has_nan) {
      result_.skewness[number] = result_.kurtosis[number] = NAN;
      for (std::size_t q = 0; q < at_.size(); ++q) result_.quantiles[q * objects + number] = NAN;
      return;
    }
    if (moments_ && least < greatest) {
      const Moments sums = moments_of(values, n, mean_of(values, n));
      const double count = static_cast<double>(n), variance = sums.second / count;
      result_.skewness[number] = sums.third / count / (variance * std::sqrt(variance));
      result_.kurtosis[number] = sums.fourth / count / (variance * variance) - 3;
    }
    if (at_.empty()) return;
    for (std::size_t q = 0; q < at_.size(); ++q) {
      const auto below = static_cast<std::int64_t>(std::floor(position(q, n)));
      places_[2 * q] = below;
      places_[2 * q + 1] = std::min(below + 1, n - 1);
    }
    // The place after one may come after the next one's.
    sorted_ = places_;
    std::sort(sorted_.begin(), sorted_.end());
    ranks_.find(values, n, least, greatest, sorted_, found_);
    const auto value_at = [&](std::int64_t place) {
      return found_[static_cast<std::size_t>(std::lower_bound(sorted_.begin(), sorted_.end(), place) -
                                             sorted_.begin())];
    };
    for (std::size_t q = 0; q < at_.size(); ++q) {
      const double low = value_at(places_[2 * q]), high = value_at(places_[2 * q + 1]);
      const double fraction = position(q, n) - std::floor(position(q, n)), width = high - low;
      double& out = result_.quantiles[q * objects + number];
      if (low == high || fraction == 0) out = low;
      else out = fraction < 0.5 ? low + width * fraction : high - width * (1 - fraction);
    }
  }

 private:
  double position(std::size_t q, std::int64_t n) const { return static_cast<double>(n - 1) * at_[q]; }

  std::span<const double> at_;
  bool moments_;
  LabelValues& result_;
  std::vector<std::int64_t> places_, sorted_;
  std::vector<double> found_;
  Ranks<T> ranks_;
};

}  // namespace

namespace cpu {

LabelValues label_values(const Image& labels, const Image& values, std::span<const std::int64_t> numbers,
                         std::span<const double> at, bool moments, Context context) {
  check_one_shape("label_values", labels, values);
  LabelValues result;
  result.skewness.assign(numbers.size(), 0);
  result.kurtosis.assign(numbers.size(), 0);
  result.quantiles.assign(numbers.size() * at.size(), 0);
  if (labels.size() == 0 || numbers.empty()) return result;
  if (numbers.front() < 0) throw std::invalid_argument("label_values: labels must not be negative");
  for (std::size_t q = 0; q < at.size(); ++q) {
    if (!(at[q] >= 0 && at[q] <= 1)) throw std::invalid_argument("label_values: a quantile lies outside [0, 1]");
  }

  const Slabs slabs(labels.shape[0] * labels.shape[1], labels.shape[2], INT64_MAX);
  if (slabs.step > INT32_MAX) throw std::invalid_argument("label_values: more rows than a slab can have");
  std::vector<SlabRuns> parts(static_cast<std::size_t>(slabs.count));
  IndexPool pool(dense_limit(labels.size()));
  parallel_for(slabs.count, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    std::unique_ptr<LabelIndex> index = pool.take();
    for (std::int64_t s = begin; s < end; ++s)
      find_runs(labels, slabs.begin(s), slabs.end(s), *index, parts[static_cast<std::size_t>(s)]);
    pool.give_back(std::move(index));
  });

  // Where the values of each object begin, and those of each slab in it.
  std::vector<std::int64_t> first(numbers.size() + 1, 0);
  {
    const std::unique_ptr<LabelIndex> index = pool.take();
    for (std::size_t i = 0; i < numbers.size(); ++i) (*index)[numbers[i]] = static_cast<std::int32_t>(i) + 1;
    const auto number_of = [&](const Part& part) {
      const std::int32_t number = index->find(part.label);
      if (number == 0) throw std::invalid_argument("label_values: a label is missing in `numbers`");
      return static_cast<std::size_t>(number) - 1;
    };
    for (const SlabRuns& of_slab : parts) {
      for (const Part& part : of_slab.parts) first[number_of(part) + 1] += part.count;
    }
    for (std::size_t i = 0; i < numbers.size(); ++i) first[i + 1] += first[i];
    std::vector<std::int64_t> next(first.begin(), first.end() - 1);
    for (SlabRuns& of_slab : parts) {
      for (Part& part : of_slab.parts) {
        std::int64_t& place = next[number_of(part)];
        part.first = place;
        place += part.count;
      }
    }
  }

  dispatch(values.dtype, [&](auto value) {
    using T = decltype(value);
    const Scratch<T> gathered(first.back());
    const View<const T> from = values.view<const T>();
    parallel_for(slabs.count, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t s = begin; s < end; ++s)
        scatter(from, slabs.begin(s), parts[static_cast<std::size_t>(s)], gathered.data());
    });
    parallel_for(static_cast<std::int64_t>(numbers.size()), 16, context.workers,
                 [&](std::int64_t begin, std::int64_t end) {
                   Object<T> object(at, moments, result);
                   for (std::int64_t i = begin; i < end; ++i) {
                     const auto number = static_cast<std::size_t>(i);
                     const std::int64_t count = first[number + 1] - first[number];
                     if (count == 0) throw std::invalid_argument("label_values: a number does not occur");
                     object.measure(gathered.data() + first[number], count, number, numbers.size());
                   }
                 });
  });
  return result;
}

}  // namespace cpu
}  // namespace cormack
