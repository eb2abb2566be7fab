#include "segment/label_statistics.hpp"

#include <cmath>

#include "core/check.hpp"
#include "core/parallel.hpp"
#include "core/wide.hpp"
#include "segment/eigenvalues.hpp"
#include "segment/label_index.hpp"
#include "segment/label_runs.hpp"
#include "segment/label_statistics_rows.hpp"

namespace cormack {
namespace {

// With these, sums over a slab stay within 64 bits: coordinates squared, times pixels, is at most 2^62.
constexpr std::int32_t kMaxExtent = 1 << 20;
constexpr std::int64_t kMaxSlab = std::int64_t{1} << 22;

// What a slab knows of one object. Coordinates are the image's.
struct Sums {
  explicit Sums(std::int64_t of_label, bool floating) : label(of_label) {
    if (floating) floats = FloatSums{};
  }

  std::int64_t label;
  std::int64_t count = 0;
  std::array<std::int64_t, 3> first{};   // sums of z, y, x
  std::array<std::int64_t, 6> second{};  // of zz, yy, xx, zy, zx, yx
  std::array<std::int32_t, 3> start{kMaxExtent, kMaxExtent, kMaxExtent}, stop{};
  union {
    IntegerSums integers{};
    FloatSums floats;
  };
  double weight = 0;
  std::array<double, 3> weighted{};
};

using Objects = std::vector<Sums, LargePages<Sums>>;

// The sum over slabs. Floats as mean and sum of squared deviations (Chan, Golub, LeVeque 1983).
struct Total {
  std::int64_t count = 0;
  std::array<std::int64_t, 3> first{};
  std::array<Wide, 6> second{};
  std::array<std::int32_t, 3> start{kMaxExtent, kMaxExtent, kMaxExtent}, stop{};
  Wide sum{}, square{};
  double origin = 0;               // a value of the object, so that the mean below stays small
  double mean = 0, deviation = 0;  // the mean of value - origin
  double differences = 0;          // not finite if a value is not
  double min = HUGE_VAL, max = -HUGE_VAL;
  bool has_nan = false;
  double weight = 0;
  std::array<double, 3> weighted{};
};

bool is_floating(const Image* values) {
  return values != nullptr && (values->dtype == DType::f32 || values->dtype == DType::f64);
}

// Adds the values of a run to an object; one implementation per dtype of the image.
class ValueAdder {
 public:
  virtual ~ValueAdder() = default;
  virtual void start_row(std::int64_t z, std::int64_t y) = 0;
  virtual void add(std::int64_t begin, std::int64_t count, Sums& sums) const = 0;
  virtual WeightSums weigh(std::int64_t begin, std::int64_t count) const = 0;
};

template <class T>
class TypedValueAdder final : public ValueAdder {
 public:
  explicit TypedValueAdder(const Image& values) : rows_(values.view<const T>()) {
    const LabelStatisticsRows& loops = label_statistics_rows();
    if constexpr (std::is_integral_v<T>) loop_ = loops.integers.get<T>();
    else if constexpr (std::is_same_v<T, float>) loop_ = loops.f32;
    else loop_ = loops.f64;
  }

  void start_row(std::int64_t z, std::int64_t y) override { row_ = rows_(z, y); }
  void add(std::int64_t begin, std::int64_t count, Sums& sums) const override {
    const T* from = row_ + begin;
    if constexpr (std::is_integral_v<T>) {
      loop_(from, count, sums.integers);
    } else {
      // A value of the object as the origin: squares of large values would leave nothing of small deviations.
      if (sums.count == 0 && std::isfinite(*from)) sums.floats.shift = static_cast<double>(*from);
      loop_(from, count, sums.floats);
    }
  }

  WeightSums weigh(std::int64_t begin, std::int64_t count) const override { return weigh_(row_ + begin, count); }

 private:
  ContiguousRows<T> rows_;
  const T* row_ = nullptr;
  Weigh<T> weigh_ = label_statistics_rows().weigh.get<T>();
  std::conditional_t<std::is_integral_v<T>, AddIntegers<T>, AddFloats<T>> loop_{};
};

std::unique_ptr<ValueAdder> value_adder(const Image* values) {
  if (values == nullptr) return nullptr;
  return dispatch(values->dtype, [&](auto value) -> std::unique_ptr<ValueAdder> {
    return std::make_unique<TypedValueAdder<decltype(value)>>(*values);
  });
}

// n (n - 1) (2 n - 1) / 6: the sum of the squares below n.
std::int64_t squares_below(std::int64_t n) { return n * (n - 1) * (2 * n - 1) / 6; }

// One slab: the objects in it, in the order of their first pixels.
class Slab {
 public:
  Slab(const Image& labels, const Image* values, bool weighted, LabelIndex& index)
      : labels_(labels),
        finder_(run_finder(labels)),
        adder_(value_adder(values)),
        floating_(is_floating(values)),
        weighted_(weighted),
        index_(index),
        runs_(labels.shape[2] + 1) {}

  // Returns a negative label, or 0 where there is none.
  std::int64_t measure(std::int64_t begin_row, std::int64_t end_row, Objects& objects) {
    objects.clear();
    std::int64_t current = 0;
    std::size_t at = 0;
    std::int64_t negative = 0;
    for (std::int64_t r = begin_row; r < end_row && negative == 0; ++r) {
      const std::int64_t z = r / labels_.shape[1], y = r % labels_.shape[1];
      const std::int64_t count = finder_->find(z, y, runs_.data());
      if (count > 0 && adder_) adder_->start_row(z, y);
      for (std::int64_t i = 0; i < count;) {
        const std::int64_t label = runs_[i].label;
        if (label < 0) {
          negative = label;
          break;
        }
        if (label != current) {
          std::int32_t& number = index_[label];
          if (number == 0) {
            objects.emplace_back(label, floating_);
            number = static_cast<std::int32_t>(objects.size());
          }
          current = label;
          at = static_cast<std::size_t>(number) - 1;
        }
        i = add_runs(i, count, z, y, objects[at]);
      }
    }
    for (const Sums& object : objects) index_[object.label] = 0;
    return negative;
  }

 private:
  // Adds run i and those that follow it with the same label; returns the first that was not added.
  std::int64_t add_runs(std::int64_t i, std::int64_t count, std::int64_t z, std::int64_t y, Sums& sums) const {
    const std::int64_t label = runs_[i].label, start = runs_[i].begin;
    std::int64_t n = 0, x = 0, xx = 0;
    for (; i < count && runs_[i].label == label; ++i) {
      const std::int64_t begin = runs_[i].begin, end = runs_[i].end;
      if (adder_) {
        adder_->add(begin, end - begin, sums);
        sums.count += end - begin;
        if (weighted_) {
          const WeightSums run = adder_->weigh(begin, end - begin);
          const std::array<std::int64_t, 3> at{z, y, begin};
          sums.weight += run.weight;
          for (std::size_t k = 0; k < 3; ++k) sums.weighted[k] += static_cast<double>(at[k]) * run.weight;
          sums.weighted[2] += run.moment;
        }
      }
      n += end - begin;
      x += (begin + end - 1) * (end - begin) / 2;
      xx += squares_below(end) - squares_below(begin);
    }
    const std::int64_t stop = runs_[i - 1].end;
    if (!adder_) sums.count += n;
    const std::array<std::int64_t, 3> first{z * n, y * n, x};
    const std::array<std::int64_t, 6> second{z * z * n, y * y * n, xx, z * y * n, z * x, y * x};
    for (std::size_t k = 0; k < 3; ++k) sums.first[k] += first[k];
    for (std::size_t k = 0; k < 6; ++k) sums.second[k] += second[k];
    const std::array<std::int64_t, 3> from{z, y, start}, to{z + 1, y + 1, stop};
    for (std::size_t k = 0; k < 3; ++k) {
      sums.start[k] = std::min(sums.start[k], static_cast<std::int32_t>(from[k]));
      sums.stop[k] = std::max(sums.stop[k], static_cast<std::int32_t>(to[k]));
    }
    return i;
  }

  const Image& labels_;
  std::unique_ptr<RunFinder> finder_;
  std::unique_ptr<ValueAdder> adder_;
  bool floating_, weighted_;
  LabelIndex& index_;
  Scratch<LabelRun> runs_;
};

void add(Total& total, const Sums& sums, bool floating) {
  if (floating) {
    const double n = static_cast<double>(sums.count), before = static_cast<double>(total.count);
    if (total.count == 0) total.origin = sums.floats.shift;
    const double offset = sums.floats.sum / n, mean = sums.floats.shift - total.origin + offset;
    const double difference = mean - total.mean;
    total.deviation += sums.floats.square - sums.floats.sum * offset;
    if (total.count == 0) {
      total.mean = mean;
    } else {
      total.mean += difference * (n / (n + before));
      total.deviation += difference * difference * (n * before / (n + before));
    }
    total.differences += sums.floats.sum;
    total.min = std::min(total.min, sums.floats.min);
    total.max = std::max(total.max, sums.floats.max);
    total.has_nan = total.has_nan || sums.floats.nan_count > 0;
  } else {
    total.sum += sums.integers.sum;
    total.square += static_cast<std::int64_t>(sums.integers.square_low);
    total.square += Wide(static_cast<std::int64_t>(sums.integers.square_high)) * (std::int64_t{1} << 32);
    total.min = std::min(total.min, static_cast<double>(sums.integers.min));
    total.max = std::max(total.max, static_cast<double>(sums.integers.max));
  }
  total.count += sums.count;
  total.weight += sums.weight;
  for (std::size_t k = 0; k < 3; ++k) {
    total.first[k] += sums.first[k];
    total.weighted[k] += sums.weighted[k];
    total.start[k] = std::min(total.start[k], sums.start[k]);
    total.stop[k] = std::max(total.stop[k], sums.stop[k]);
  }
  for (std::size_t k = 0; k < 6; ++k) total.second[k] += sums.second[k];
}

// The covariance of n pairs with the given sums. Exact until the last step: the sums are moved to the nearest integers
// of the means before they become doubles.
double covariance(std::int64_t n, Wide products, Wide a, Wide b, std::int64_t a_mean, std::int64_t b_mean) {
  Wide a_rest = a, b_rest = b;
  a_rest -= Wide(n) * a_mean;
  b_rest -= Wide(n) * b_mean;
  // sum (a - A)(b - B) = sum ab - A sum b - B sum (a - A)
  products -= b * a_mean;
  products -= a_rest * b_mean;
  const double count = static_cast<double>(n);
  return static_cast<double>(products) / count -
         static_cast<double>(a_rest) / count * (static_cast<double>(b_rest) / count);
}

void find_axes(const Total& total, const std::array<std::int64_t, 3>& nearest, int ndim,
               const std::array<double, 3>& spacing, LabelStatistics& row) {
  constexpr std::size_t kAxes[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};
  std::array<double, 6> moments{};
  for (std::size_t k = 0; k < 6; ++k) {
    const auto [a, b] = kAxes[k];
    moments[k] = covariance(total.count, total.second[k], total.first[a], total.first[b], nearest[a], nearest[b]);
    if (a == b) moments[k] += 1.0 / 12;
    moments[k] *= spacing[a] * spacing[b];
  }
  if (ndim == 2) moments[0] = moments[3] = moments[4] = 0;
  const Eigen eigen = symmetric_eigen(moments);
  row.principal_moments = eigen.values;
  row.principal_axes = eigen.vectors;
}

LabelStatistics finish(std::int64_t label, const Total& total, int ndim, const std::array<double, 3>& spacing,
                       const Image* values, bool principal) {
  LabelStatistics row;
  row.label = label;
  row.count = total.count;
  const double count = static_cast<double>(total.count);
  std::array<std::int64_t, 3> nearest{};
  for (std::size_t k = 0; k < 3; ++k) {
    row.centroid[k] = static_cast<double>(total.first[k]) / count;
    row.weighted_centroid[k] = total.weight == 0 ? NAN : total.weighted[k] / total.weight;
    nearest[k] = std::llround(row.centroid[k]);
    row.start[k] = total.start[k];
    row.stop[k] = total.stop[k];
  }
  if (principal) find_axes(total, nearest, ndim, spacing, row);
  if (values == nullptr) return row;
  if (is_floating(values)) {
    row.mean = std::isfinite(total.mean) ? total.origin + total.mean : total.differences / count;
    // Rounding may leave a negative rest where all values are equal.
    row.std = std::sqrt(total.deviation < 0 ? 0 : total.deviation / count);
  } else {
    row.mean = static_cast<double>(total.sum) / count;
    const std::int64_t mean = std::llround(row.mean);
    row.std = std::sqrt(covariance(total.count, total.square, total.sum, total.sum, mean, mean));
  }
  row.min = total.has_nan ? NAN : total.min;
  row.max = total.has_nan ? NAN : total.max;
  return row;
}

}  // namespace

namespace cpu {

LabelStatisticsTable label_statistics(const Image& labels, const Image* values, const std::array<double, 3>& spacing,
                                      LabelStatisticsChoice choice, Context context) {
  LabelStatisticsTable table;
  if (values != nullptr) check_one_shape("label_statistics", labels, *values);
  for (const std::int64_t extent : labels.shape) {
    if (extent > kMaxExtent) throw std::invalid_argument("label_statistics: an axis is longer than 1048576");
  }
  if (labels.size() == 0) return table;

  const Slabs slabs(labels.shape[0] * labels.shape[1], labels.shape[2], kMaxSlab);
  std::vector<Objects> parts(static_cast<std::size_t>(slabs.count));
  std::vector<std::int64_t> negative(parts.size(), 0);
  IndexPool pool(dense_limit(labels.size()));
  parallel_for(slabs.count, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    std::unique_ptr<LabelIndex> index = pool.take();
    Slab slab(labels, values, choice.weighted && values != nullptr, *index);
    for (std::int64_t s = begin; s < end; ++s) {
      const auto i = static_cast<std::size_t>(s);
      negative[i] = slab.measure(slabs.begin(s), slabs.end(s), parts[i]);
    }
    pool.give_back(std::move(index));
  });
  // The first one, whichever thread was faster.
  for (const std::int64_t label : negative)
    if ((table.negative_label = label) != 0) return table;

  // Which label stands in which row of the table, and where its parts are: in the order of the slabs.
  std::unique_ptr<LabelIndex> index = pool.take();
  std::vector<std::int64_t> found;
  for (const Objects& part : parts) {
    for (const Sums& sums : part) {
      std::int32_t& number = (*index)[sums.label];
      if (number == 0) found.push_back(sums.label);
      ++number;
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::int64_t> next_part;
  std::int64_t part_count = 0;
  for (std::size_t row = 0; row < found.size(); ++row) {
    std::int32_t& number = (*index)[found[row]];
    next_part.push_back(part_count);
    part_count += number;
    number = static_cast<std::int32_t>(row);
  }
  std::vector<const Sums*, LargePages<const Sums*>> parts_of_rows(static_cast<std::size_t>(part_count));
  for (const Objects& part : parts) {
    for (const Sums& sums : part) {
      const auto row = static_cast<std::size_t>((*index)[sums.label]);
      parts_of_rows[static_cast<std::size_t>(next_part[row]++)] = &sums;
    }
  }
  const bool floating = is_floating(values);
  table.rows.resize(found.size());
  parallel_for(static_cast<std::int64_t>(found.size()), 256, context.workers,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const auto row = static_cast<std::size_t>(i);
                   Total total;
                   const std::int64_t first_part = row == 0 ? 0 : next_part[row - 1];
                   for (std::int64_t k = first_part; k < next_part[row]; ++k) {
                     add(total, *parts_of_rows[static_cast<std::size_t>(k)], floating);
                   }
                   table.rows[row] = finish(found[row], total, labels.ndim, spacing, values, choice.principal);
                 }
               });
  return table;
}

std::vector<LabelStatistics, LargePages<LabelStatistics>> label_statistics_of_sums(const LabelSums& found, int ndim,
                                                                                   const std::array<double, 3>& spacing,
                                                                                   bool principal) {
  const std::size_t count = found.labels.size();
  if (found.sums.size() != 13 * count || found.boxes.size() != 6 * count || found.extremes.size() != 2 * count ||
      found.spread.size() != 2 * count)
    throw std::invalid_argument("label_statistics: sums must belong to the labels");
  Image values;
  if (found.values) values.dtype = *found.values;
  const Image* const with = found.values ? &values : nullptr;
  std::vector<LabelStatistics, LargePages<LabelStatistics>> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t* const sums = &found.sums[13 * i];
    Total total;
    total.count = static_cast<std::int64_t>(sums[0]);
    for (std::size_t k = 0; k < 3; ++k) {
      total.first[k] = static_cast<std::int64_t>(sums[1 + k]);
      total.start[k] = found.boxes[6 * i + k];
      total.stop[k] = found.boxes[6 * i + 3 + k];
    }
    for (std::size_t k = 0; k < 6; ++k) total.second[k] = Wide(static_cast<std::int64_t>(sums[4 + k]));
    total.min = found.extremes[2 * i];
    total.max = found.extremes[2 * i + 1];
    if (is_floating(with)) {
      total.mean = total.differences = found.spread[2 * i];
      total.deviation = found.spread[2 * i + 1];
      total.has_nan = std::isnan(total.mean);
    } else {
      total.sum = Wide(static_cast<std::int64_t>(sums[10]));
      total.square = Wide(static_cast<std::int64_t>(sums[11]));
      total.square += Wide(static_cast<std::int64_t>(sums[12])) * (std::int64_t{1} << 32);
    }
    rows.push_back(finish(found.labels[i], total, ndim, spacing, with, principal));
  }
  return rows;
}

}  // namespace cpu
}  // namespace cormack
