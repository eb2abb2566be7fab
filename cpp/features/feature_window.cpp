#include "features/feature_window.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "features/singular_value.hpp"

namespace cormack {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

int bits_of(std::int64_t number) { return std::bit_width(static_cast<std::uint64_t>(number)); }

// The order in which quantiles are found moves what is around them: from the lowest to the highest.
double rank(double* values, std::int64_t& sorted, std::int64_t n, std::int64_t k) {
  if (k >= sorted) {
    std::nth_element(values + sorted, values + k, values + n);
    sorted = k + 1;
  }
  return values[k];
}

void insertion_sort(double* values, std::int64_t n) {
  for (std::int64_t i = 1; i < n; ++i) {
    const double value = values[i];
    std::int64_t k = i;
    for (; k > 0 && values[k - 1] > value; --k) values[k] = values[k - 1];
    values[k] = value;
  }
}

}  // namespace

FeatureWindow::FeatureWindow(const WindowPlan& plan)
    : plan_(plan),
      most_levels_(std::min(plan.size, plan.level_count)),
      pair_shift_(bits_of(most_levels_)),
      size_shift_(bits_of(plan.size)),
      values_(plan.size + 1),
      levels_(plan.size + 1),
      index_of_(plan.level_count + 1),
      index_(plan.size + 1),
      level_at_(most_levels_ + 2),
      count_(most_levels_ + 2),
      marginal_(most_levels_ + 2),
      size_marginal_(plan.size + 1),
      runs_((most_levels_ + 1) * (plan.longest + 2)),
      parent_(plan.size + 1),
      zone_of_(plan.size + 1),
      distance_(plan.size + 1),
      same_(plan.size + 1),
      packed_(plan.size + 1),
      sum_(plan.size + 1),
      region_(plan.size + 1),
      place_(plan.size + 1),
      equal_(static_cast<std::int64_t>(plan.adjacent.size()) + 1),
      equal_start_(plan.kinds + 1),
      zones_(plan.size + 1),
      cells_(std::max(plan.size, plan.wants(LocalFamily::run_length) ? plan.kinds * plan.size : 0) + 1),
      joint_(static_cast<std::int64_t>(plan.pairs.size()) + 1),
      joint_levels_(static_cast<std::int64_t>(plan.pairs.size()) + 1),
      matrix_(plan.correlates ? most_levels_ * most_levels_ : 1),
      diagonal_(2 * most_levels_ + 2),
      level_bins_(most_levels_ + 2),
      difference_bins_(static_cast<std::int64_t>(plan.pairs.size()) + 1),
      sum_bins_(static_cast<std::int64_t>(plan.pairs.size()) + 1),
      tones_(most_levels_ + 2),
      difference_tally_(plan.level_count + 1, static_cast<std::int64_t>(plan.pairs.size())),
      sum_tally_(2 * plan.level_count + 1, static_cast<std::int64_t>(plan.pairs.size())) {
  std::fill_n(index_of_.data(), plan.level_count + 1, std::uint16_t{0});
  std::fill_n(size_marginal_.data(), plan.size + 1, 0U);
  std::fill_n(count_.data(), most_levels_ + 2, 0U);
  std::fill_n(marginal_.data(), most_levels_ + 2, 0U);
  std::fill_n(place_.data(), plan.size + 1, std::uint16_t{1});
  std::fill_n(runs_.data(), (most_levels_ + 1) * (plan.longest + 2), 0U);
  if (plan.wants(LocalFamily::cooccurrence))
    pair_tally_.emplace((most_levels_ + 1) << pair_shift_, static_cast<std::int64_t>(plan.pairs.size()));
  if (plan.wants(LocalFamily::zone_size) || plan.wants(LocalFamily::zone_distance) ||
      plan.wants(LocalFamily::dependence))
    size_tally_.emplace((most_levels_ + 1) << size_shift_, plan.size);
}

void FeatureWindow::statistics(std::int64_t count, double* result) {
  double* values = values_.data();
  if (!plan_.orders) {
    intensity_statistics(values, count, nullptr, result);
    return;
  }
  constexpr std::int64_t few = 64;
  std::int64_t sorted = 0;
  if (count <= few) {
    insertion_sort(values, count);
    sorted = count;
  }
  double quantiles[kQuantileCount];
  for (int q = 0; q < kQuantileCount; ++q) {
    const double position = static_cast<double>(count - 1) * kQuantilesOf[q];
    const auto below = static_cast<std::int64_t>(position);
    const double a = rank(values, sorted, count, below);
    const double b = rank(values, sorted, count, std::min(below + 1, count - 1));
    quantiles[q] = between(a, b, position - static_cast<double>(below));
  }
  intensity_statistics(values, count, quantiles, result);
}

void FeatureWindow::index_levels() {
  for (std::int64_t i = 1; i <= found_; ++i) index_of_[level_at_[i]] = 0;
  std::uint16_t known = 0;
  inside_ = 0;
  level_at_[0] = 0;
  for (std::int64_t i = 0; i < plan_.size; ++i) {
    const std::uint16_t level = levels_[i];
    // Without branches: which levels are new is not to be foreseen.
    const std::uint16_t before = index_of_[level];
    const bool is_new = (level != 0) & (before == 0);
    known = static_cast<std::uint16_t>(known + is_new);
    const std::uint16_t index = is_new ? known : before;
    const std::uint32_t count = count_[index];
    count_[index] = (is_new ? 0 : count) + 1;
    index_of_[level] = index;
    level_at_[index] = level;
    index_[i] = index;
    inside_ += level != 0;
  }
  index_[plan_.size] = 0;
  found_ = known;
  equal_known_ = false;
}

void FeatureWindow::find_equal() {
  if (equal_known_) return;
  equal_known_ = true;
  const std::uint16_t* index = index_.data();
  std::int64_t count = 0;
  for (std::int64_t kind = 0; kind < plan_.kinds; ++kind) {
    equal_start_[kind] = count;
    const auto end = plan_.adjacent_start[static_cast<std::size_t>(kind) + 1];
    for (auto i = plan_.adjacent_start[static_cast<std::size_t>(kind)]; i < end; ++i) {
      const WindowPlan::Pair pair = plan_.adjacent[i];
      equal_[count] = pair;
      count += (index[pair.first] == index[pair.second]) & (index[pair.first] != 0);
    }
  }
  equal_start_[plan_.kinds] = count;
}

void FeatureWindow::histogram(double* result) {
  Bin* bins = level_bins_.data();
  for (std::int64_t i = 1; i <= found_; ++i) bins[i - 1] = {level_at_[i], count_[i]};
  std::sort(bins, bins + found_, [](const Bin& a, const Bin& b) { return a.value < b.value; });
  histogram_features(bins, found_, static_cast<int>(plan_.level_count), plan_.log2_of.data(), result);
}

bool FeatureWindow::cooccurrence_of(std::size_t begin, std::size_t end, double* result) {
  const std::uint16_t* index = index_.data();
  for (std::size_t i = begin; i < end; ++i) {
    const std::int64_t a = index[plan_.pairs[i].first], b = index[plan_.pairs[i].second];
    const std::int64_t low = a < b ? a : b, high = a < b ? b : a;
    // NOLINTNEXTLINE(bugprone-unchecked-optional-access): the constructor makes it for the families that use it
    if (low != 0) pair_tally_->add(low << pair_shift_ | high);
  }
  std::int64_t cells = 0, levels = 0, differences = 0, sums = 0;
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): the constructor makes it for the families that use it
  pair_tally_->drain([&](std::int64_t key, std::uint32_t pairs) {
    const std::int64_t low = key >> pair_shift_, high = key & ((std::int64_t{1} << pair_shift_) - 1);
    const int a = level_at_[low], b = level_at_[high];
    joint_levels_[cells] = {static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(high)};
    joint_[cells++] = {pairs, low == high};
    marginal_[low] += pairs;
    marginal_[high] += pairs;
    difference_tally_.add(a < b ? b - a : a - b, pairs);
    sum_tally_.add(a + b, pairs);
  });
  if (cells == 0) return false;
  if (plan_.correlates) result[kCooccurrenceFeatures] = maximal_correlation(cells);
  for (std::int64_t i = 1; i <= found_; ++i) {
    if (marginal_[i] != 0) level_bins_[levels++] = {level_at_[i], marginal_[i]};
    marginal_[i] = 0;
  }
  difference_tally_.drain([&](std::int64_t value, std::uint32_t count) {
    difference_bins_[differences++] = {static_cast<int>(value), count};
  });
  sum_tally_.drain(
      [&](std::int64_t value, std::uint32_t count) { sum_bins_[sums++] = {static_cast<int>(value), count}; });
  cooccurrence_features(joint_.data(), cells, level_bins_.data(), levels, difference_bins_.data(), differences,
                        sum_bins_.data(), sums, static_cast<double>(plan_.level_count), plan_.log2_of.data(), result);
  return true;
}

void FeatureWindow::cooccurrence(double* result) {
  constexpr int features = kCooccurrenceFeatures + 1;
  if (!plan_.settings.averaged) {
    if (!cooccurrence_of(0, plan_.pairs.size(), result)) std::fill_n(result, features, kNone);
    return;
  }
  double of_one[features] = {};
  std::int64_t used = 0;
  std::fill_n(result, features, 0.0);
  for (std::size_t kind = 0; kind + 1 < plan_.pair_start.size(); ++kind) {
    if (!cooccurrence_of(plan_.pair_start[kind], plan_.pair_start[kind + 1], of_one)) continue;
    ++used;
    for (int i = 0; i < features; ++i) result[i] += of_one[i];
  }
  for (int i = 0; i < features; ++i) result[i] = used == 0 ? kNone : result[i] / static_cast<double>(used);
}

double FeatureWindow::maximal_correlation(std::int64_t cells) {
  double* matrix = matrix_.data();
  const std::int64_t n = found_;
  std::fill_n(matrix, n * n, 0.0);
  for (std::int64_t i = 0; i < cells; ++i) {
    const std::int64_t a = joint_levels_[i].first, b = joint_levels_[i].second;
    const double count = joint_[i].same ? 2.0 * joint_[i].pairs : joint_[i].pairs;
    const double value = count / std::sqrt(static_cast<double>(marginal_[a]) * marginal_[b]);
    matrix[(a - 1) * n + b - 1] = matrix[(b - 1) * n + a - 1] = value;
  }
  return second_singular_value(matrix, n, diagonal_.data());
}

bool FeatureWindow::has_lines(std::int64_t kind) const {
  const auto end = plan_.line_start[static_cast<std::size_t>(kind) + 1];
  std::int64_t voxels = 0;
  for (auto i = plan_.line_start[static_cast<std::size_t>(kind)]; i < end; ++i) {
    voxels = plan_.lines[i] == plan_.size ? 0 : voxels + (index_[plan_.lines[i]] != 0);
    if (voxels > 1) return true;
  }
  return false;
}

bool FeatureWindow::run_length_of(std::int64_t first_kind, std::int64_t end_kind, double* result) {
  // Voxels by their place in their run: runs of a length are what is one place longer taken from what is as long. Only
  // those that follow one of their level are counted, the others have the first place.
  const std::int64_t stride = plan_.longest + 2;
  const std::uint16_t* index = index_.data();
  std::uint16_t* place = place_.data();
  find_equal();
  std::int64_t kinds = 0;
  for (std::int64_t kind = first_kind; kind < end_kind; ++kind) {
    if (plan_.settings.as_pyradiomics && !has_lines(kind)) continue;
    ++kinds;
    const std::int64_t begin = equal_start_[kind], end = equal_start_[kind + 1];
    // The first of a pair has its place already: steps lead forwards.
    for (std::int64_t i = begin; i < end; ++i) {
      const WindowPlan::Pair pair = equal_[i];
      place[pair.second] = static_cast<std::uint16_t>(place[pair.first] + 1);
      ++runs_[index[pair.second] * stride + place[pair.second]];
    }
    for (std::int64_t i = begin; i < end; ++i) place[equal_[i].second] = 1;
  }
  if (kinds == 0) return false;
  std::int64_t cells = 0;
  for (std::int64_t level = 1; level <= found_; ++level) {
    std::uint32_t* of_level = runs_.data() + level * stride;
    std::uint32_t as_long = count_[level] * static_cast<std::uint32_t>(kinds);
    for (std::int64_t length = 2; of_level[length] != 0; ++length) as_long -= of_level[length];
    for (std::int64_t length = 1; as_long != 0; ++length) {
      const std::uint32_t longer = of_level[length + 1];
      of_level[length + 1] = 0;
      if (as_long != longer) cells_[cells++] = {level_at_[level], static_cast<int>(length), as_long - longer};
      as_long = longer;
    }
  }
  of_cells(cells, static_cast<double>(inside_ * kinds), result);
  return true;
}

void FeatureWindow::run_length(double* result) {
  if (!plan_.settings.averaged) {
    if (!run_length_of(0, plan_.kinds, result)) std::fill_n(result, kSizeFeatures, kNone);
    return;
  }
  double of_one[kSizeFeatures];
  std::int64_t used = 0;
  std::fill_n(result, kSizeFeatures, 0.0);
  for (std::int64_t kind = 0; kind < plan_.kinds; ++kind) {
    if (!run_length_of(kind, kind + 1, of_one)) continue;
    ++used;
    for (int i = 0; i < kSizeFeatures; ++i) result[i] += of_one[i];
  }
  for (int i = 0; i < kSizeFeatures; ++i) result[i] = used == 0 ? kNone : result[i] / static_cast<double>(used);
}

void FeatureWindow::of_cells(std::int64_t count, double voxels, double* result) {
  for (std::int64_t i = 0; i < count; ++i) {
    marginal_[index_of_[cells_[i].level]] += cells_[i].count;
    size_marginal_[cells_[i].size] += cells_[i].count;
  }
  double level_squares = 0, size_squares = 0;
  for (std::int64_t i = 1; i <= found_; ++i) {
    level_squares += static_cast<double>(marginal_[i]) * marginal_[i];
    marginal_[i] = 0;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t& of_size = size_marginal_[cells_[i].size];
    size_squares += static_cast<double>(of_size) * of_size;
    of_size = 0;
  }
  size_features(cells_.data(), count, level_squares, size_squares, voxels, plan_.log2_of.data(), result);
}

void FeatureWindow::find_distances() {
  std::uint16_t* distance = distance_.data();
  const auto [deep, high, wide] = plan_.width;
  const std::int64_t slice = high * wide;
  // 1 at the edge: outside, and beyond the neighbourhood, is 0.
  std::int64_t i = 0;
  for (std::int64_t z = 0; z < deep; ++z) {
    for (std::int64_t y = 0; y < high; ++y) {
      for (std::int64_t x = 0; x < wide; ++x, ++i) {
        int nearest = x > 0 ? distance[i - 1] : 0;
        nearest = std::min<int>(nearest, y > 0 ? distance[i - wide] : 0);
        if (deep > 1) nearest = std::min<int>(nearest, z > 0 ? distance[i - slice] : 0);
        distance[i] = static_cast<std::uint16_t>(region_[i] != 0 ? nearest + 1 : 0);
      }
    }
  }
  for (std::int64_t z = deep - 1; z >= 0; --z) {
    for (std::int64_t y = high - 1; y >= 0; --y) {
      for (std::int64_t x = wide - 1; x >= 0; --x) {
        --i;
        int nearest = x + 1 < wide ? distance[i + 1] : 0;
        nearest = std::min<int>(nearest, y + 1 < high ? distance[i + wide] : 0);
        if (deep > 1) nearest = std::min<int>(nearest, z + 1 < deep ? distance[i + slice] : 0);
        distance[i] = static_cast<std::uint16_t>(std::min<int>(distance[i], nearest + 1));
      }
    }
  }
}

void FeatureWindow::find_zones() {
  const std::uint16_t* index = index_.data();
  std::uint16_t* parent = parent_.data();
  find_equal();
  const std::int64_t count = equal_start_[plan_.kinds];
  std::iota(parent, parent + plan_.size, std::uint16_t{0});
  const auto root_of = [&](std::uint16_t i) {
    while (parent[i] != i) {
      parent[i] = parent[parent[i]];
      i = parent[i];
    }
    return i;
  };
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint16_t a = root_of(equal_[i].first), b = root_of(equal_[i].second);
    // The earlier one stays root.
    parent[std::max(a, b)] = std::min(a, b);
  }
  const bool measures = plan_.wants(LocalFamily::zone_distance);
  if (measures) find_distances();
  zone_count_ = 0;
  for (std::int64_t i = 0; i < plan_.size; ++i) {
    if (index[i] == 0) continue;
    const std::uint16_t root = root_of(static_cast<std::uint16_t>(i));
    if (root == i) {
      zone_of_[i] = static_cast<std::uint16_t>(zone_count_);
      zones_[zone_count_++] = {index[i], 0, std::numeric_limits<std::uint16_t>::max()};
    }
    Zone& zone = zones_[zone_of_[root]];
    ++zone.size;
    if (measures) zone.distance = std::min(zone.distance, distance_[i]);
  }
}

void FeatureWindow::of_sizes(double* result) {
  std::int64_t cells = 0;
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): the constructor makes it for the families that use it
  size_tally_->drain([&](std::int64_t key, std::uint32_t count) {
    const auto size = static_cast<int>(key & ((std::int64_t{1} << size_shift_) - 1));
    cells_[cells++] = {level_at_[key >> size_shift_], size, count};
  });
  of_cells(cells, static_cast<double>(inside_), result);
}

template <class SizeOf>
void FeatureWindow::of_zones(const SizeOf& size_of, double* result) {
  for (std::int64_t i = 0; i < zone_count_; ++i) add_size(zones_[i].level, size_of(zones_[i]));
  of_sizes(result);
}

void FeatureWindow::zone_size(double* result) {
  of_zones([](const Zone& zone) { return zone.size; }, result);
}

void FeatureWindow::zone_distance(double* result) {
  of_zones([](const Zone& zone) { return zone.distance; }, result);
}

void FeatureWindow::tone(double* result) {
  // Levels and their number, both in one word.
  constexpr int shift = 40;
  constexpr std::uint64_t one = std::uint64_t{1} << shift;
  const auto size = plan_.size;
  for (std::int64_t i = 0; i < size; ++i) {
    packed_[i] = levels_[i] + (levels_[i] != 0 ? one : 0);
    sum_[i] = 0;
  }
  for (const WindowPlan::Pair pair : plan_.neighbours) {
    sum_[pair.first] += packed_[pair.second];
    sum_[pair.second] += packed_[pair.first];
  }
  for (std::int64_t i = 1; i <= found_; ++i) tones_[i] = {level_at_[i], 0, 0.0};
  for (std::int64_t i = 0; i < size; ++i) {
    const std::uint64_t number = sum_[i] >> shift;
    if (index_[i] == 0) continue;
    if (number == 0) {
      tones_[index_[i]].voxels += plan_.settings.as_pyradiomics;
      continue;
    }
    const auto total = static_cast<std::int64_t>(sum_[i] & (one - 1));
    const std::int64_t apart = static_cast<std::int64_t>(number) * levels_[i] - total;
    ToneLevel& tone = tones_[index_[i]];
    ++tone.voxels;
    tone.difference += static_cast<double>(apart < 0 ? -apart : apart) / static_cast<double>(number);
  }
  std::int64_t kept = 0;
  for (std::int64_t i = 1; i <= found_; ++i)
    if (tones_[i].voxels != 0) tones_[kept++] = tones_[i];
  tone_features(tones_.data(), kept, result);
}

void FeatureWindow::dependence(double* result) {
  std::uint16_t* same = same_.data();
  const auto size = plan_.size;
  const auto apart = static_cast<int>(std::min<std::int64_t>(plan_.settings.coarseness, 1 << 16));
  std::fill_n(same, size, std::uint16_t{1});
  if (apart == 0 && plan_.settings.distance == 1) {
    find_equal();
    for (std::int64_t i = 0; i < equal_start_[plan_.kinds]; ++i) {
      ++same[equal_[i].first];
      ++same[equal_[i].second];
    }
  } else {
    count_dependent(apart);
  }
  for (std::int64_t i = 0; i < size; ++i)
    if (index_[i] != 0) add_size(index_[i], same[i]);
  of_sizes(result);
}

void FeatureWindow::count_dependent(int apart) {
  const std::uint16_t* level = levels_.data();
  std::uint16_t* same = same_.data();
  for (const WindowPlan::Pair pair : plan_.neighbours) {
    const int a = level[pair.first], b = level[pair.second], d = a < b ? b - a : a - b;
    const auto alike = static_cast<std::uint16_t>((d <= apart) & (a != 0) & (b != 0));
    same[pair.first] = static_cast<std::uint16_t>(same[pair.first] + alike);
    same[pair.second] = static_cast<std::uint16_t>(same[pair.second] + alike);
  }
}

}  // namespace cormack
