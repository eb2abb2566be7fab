#include "features/matrix_features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "features/intensity_formulas.hpp"

namespace cormack {
namespace {

double times_log(double p) { return p > 0 ? p * std::log2(p) : 0.0; }

// The sum of the squares of how often each index occurs.
double marginal(const Cell* begin, const Cell* end, std::size_t axis,
                std::vector<std::pair<std::int64_t, double>>& room) {
  room.clear();
  for (const Cell* cell = begin; cell != end; ++cell) {
    const double n = static_cast<double>((*cell)[3]);
    // Cells mostly come in order.
    if (!room.empty() && room.back().first == (*cell)[axis]) room.back().second += n;
    else room.emplace_back((*cell)[axis], n);
  }
  std::sort(room.begin(), room.end());
  double result = 0, sum = 0;
  for (std::size_t i = 0; i < room.size(); ++i) {
    sum += room[i].second;
    if (i + 1 < room.size() && room[i + 1].first == room[i].first) continue;
    result += sum * sum;
    sum = 0;
  }
  return result;
}

using SizeFeatures = std::array<double, cpu::kSizeFeatures>;

SizeFeatures size_features_of(const Cell* begin, const Cell* end, double voxels,
                              std::vector<std::pair<std::int64_t, double>>& room) {
  SizeFeatures f{};
  double total = 0;
  for (const Cell* cell = begin; cell != end; ++cell) total += static_cast<double>((*cell)[3]);
  double level_mean = 0, size_mean = 0;
  for (const Cell* cell = begin; cell != end; ++cell) {
    const auto level = static_cast<double>((*cell)[1]), size = static_cast<double>((*cell)[2]),
               n = static_cast<double>((*cell)[3]);
    const double p = n / total, level2 = level * level, size2 = size * size, low = n / level2, high = n * level2;
    f[0] += n / size2;
    f[1] += n * size2;
    f[2] += low;
    f[3] += high;
    f[4] += low / size2;
    f[5] += high / size2;
    f[6] += low * size2;
    f[7] += high * size2;
    f[15] += times_log(p);
    f[16] += p * p;
    level_mean += p * level;
    size_mean += p * size;
  }
  for (std::size_t i = 0; i < 8; ++i) f[i] /= total;
  const double of_level = marginal(begin, end, 1, room), of_size = marginal(begin, end, 2, room);
  f[8] = of_level / total;
  f[9] = of_level / (total * total);
  f[10] = of_size / total;
  f[11] = of_size / (total * total);
  f[12] = total / voxels;
  f[15] = std::abs(f[15]);
  for (const Cell* cell = begin; cell != end; ++cell) {
    const double p = static_cast<double>((*cell)[3]) / total, level = static_cast<double>((*cell)[1]) - level_mean,
                 size = static_cast<double>((*cell)[2]) - size_mean;
    f[13] += p * (level * level);
    f[14] += p * (size * size);
  }
  return f;
}

// Probabilities of values start, start + 1, ...
struct Distribution {
  std::vector<double> p;
  double start;

  template <class F>
  double sum(const F& f) const {
    double result = 0;
    for (std::size_t i = 0; i < p.size(); ++i) result += p[i] * f(start + static_cast<double>(i));
    return result;
  }
  double mean() const {
    return sum([](double x) { return x; });
  }
  double square_around(double centre) const {
    return sum([=](double x) { return (x - centre) * (x - centre); });
  }
  double entropy() const {
    double result = 0;
    for (const double value : p) result += times_log(value);
    return std::abs(result);
  }
};

void pair_features_of(const std::int64_t* counts, std::int64_t n, std::array<double, cpu::kPairFeatures>& f) {
  const auto size = static_cast<std::size_t>(n);
  std::vector<std::int64_t> levels(size), sums(2 * size - 1), differences(size);
  std::int64_t total = 0;
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) {
      const std::int64_t count = counts[i * size + j];
      if (count == 0) continue;
      levels[i] += count;
      sums[i + j] += count;
      differences[i > j ? i - j : j - i] += count;
    }
    total += levels[i];
  }
  const auto pairs = static_cast<double>(total);
  const auto of = [&](const std::vector<std::int64_t>& table, double start) {
    Distribution result{{}, start};
    result.p.reserve(table.size());
    for (const std::int64_t count : table) result.p.push_back(static_cast<double>(count) / pairs);
    return result;
  };
  double most = 0, joint_entropy = 0, square = 0;
  for (std::size_t i = 0; i < size * size; ++i) {
    if (counts[i] == 0) continue;
    const double p = static_cast<double>(counts[i]) / pairs;
    most = std::max(most, p);
    joint_entropy += p * std::log2(p);
    square += p * p;
  }
  joint_entropy = std::abs(joint_entropy);
  const Distribution level = of(levels, 1), sum = of(sums, 2), difference = of(differences, 0);
  const double mean = level.mean(), variance = level.square_around(mean);
  const double difference_mean = difference.mean(), contrast = difference.square_around(0);
  const double sum_mean = sum.mean(), tendency = sum.square_around(2 * mean);
  const double level_entropy = level.entropy(), width = static_cast<double>(n);
  const bool one_level = std::count_if(levels.begin(), levels.end(), [](std::int64_t c) { return c > 0; }) == 1;
  const auto cube = [=](double x) { return (x - 2 * mean) * (x - 2 * mean) * (x - 2 * mean); };
  f = {
      most,
      mean,
      variance,
      joint_entropy,
      difference_mean,
      difference.square_around(difference_mean),
      difference.entropy(),
      sum_mean,
      sum.square_around(sum_mean),
      sum.entropy(),
      square,
      contrast,
      difference_mean,
      difference.sum([](double d) { return 1 / (1 + d); }),
      difference.sum([=](double d) { return 1 / (1 + d / width); }),
      difference.sum([](double d) { return 1 / (1 + d * d); }),
      difference.sum([=](double d) { return 1 / (1 + d * d / (width * width)); }),
      difference.sum([](double d) { return d > 0 ? 1 / (d * d) : 0.0; }),
      one_level ? 1.0 : (tendency - contrast) / (4 * variance),
      (sum.square_around(0) - contrast) / 4,
      tendency,
      sum.sum(cube),
      sum.sum([&](double x) { return cube(x) * (x - 2 * mean); }),
      // Both marginals of a symmetric matrix are equal, so that HXY1 = HXY2 = 2 HX.
      one_level ? 0.0 : (joint_entropy - 2 * level_entropy) / level_entropy,
      std::sqrt(std::max(0.0, 1 - std::exp(-2 * (2 * level_entropy - joint_entropy)))),
  };
}

std::size_t group_at(const cpu::Groups& group_of, std::size_t matrix) {
  const auto group = static_cast<std::size_t>(group_of[matrix]);
  if (group >= group_of.size()) throw std::invalid_argument("cormack: there are more groups than matrices");
  return group;
}

}  // namespace

namespace cpu {

Cells merge_cells(const Cells& cells, const Groups& group_of) {
  constexpr std::int64_t largest_table = 1 << 22;
  Cells result;
  std::int64_t groups = 0, levels = 0, sizes = 0;
  result.reserve(cells.size());
  for (const Cell& cell : cells) {
    if (cell[0] < 0 || static_cast<std::size_t>(cell[0]) >= group_of.size() || cell[1] < 0 || cell[2] < 0)
      throw std::invalid_argument("cormack: a cell names a matrix that is not there");
    const std::size_t group = group_at(group_of, static_cast<std::size_t>(cell[0]));
    result.push_back({static_cast<std::int64_t>(group), cell[1], cell[2], cell[3]});
    groups = std::max(groups, result.back()[0] + 1);
    levels = std::max(levels, cell[1] + 1);
    sizes = std::max(sizes, cell[2] + 1);
  }
  std::size_t kept = 0;
  if (levels <= largest_table / std::max<std::int64_t>(sizes, 1) &&
      groups <= largest_table / std::max<std::int64_t>(sizes * levels, 1)) {
    std::vector<std::int64_t> table(static_cast<std::size_t>(groups * levels * sizes));
    for (const auto& [group, level, size, count] : result)
      table[static_cast<std::size_t>((group * levels + level) * sizes + size)] += count;
    const std::int64_t* count = table.data();
    for (std::int64_t group = 0; group < groups; ++group)
      for (std::int64_t level = 0; level < levels; ++level)
        for (std::int64_t size = 0; size < sizes; ++size, ++count)
          if (*count != 0) result[kept++] = {group, level, size, *count};
  } else {
    std::sort(result.begin(), result.end());
    for (const Cell& cell : result) {
      const bool same = kept > 0 && std::equal(cell.begin(), cell.begin() + 3, result[kept - 1].begin());
      if (same) result[kept - 1][3] += cell[3];
      else result[kept++] = cell;
    }
  }
  result.resize(kept);
  return result;
}

std::vector<std::int64_t> merge_counts(const std::vector<std::int64_t>& counts, const Groups& group_of) {
  if (counts.size() != group_of.size()) throw std::invalid_argument("cormack: every matrix belongs to a group");
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::size_t group = group_at(group_of, i);
    if (result.size() <= group) result.resize(group + 1);
    result[group] += counts[i];
  }
  return result;
}

Cells cells_of(const std::uint64_t* counts, std::int64_t matrices, std::int64_t levels, std::int64_t sizes) {
  Cells result;
  for (std::int64_t matrix = 0; matrix < matrices; ++matrix)
    for (std::int64_t level = 1; level <= levels; ++level)
      for (std::int64_t size = 1; size <= sizes; ++size, ++counts)
        if (*counts != 0) result.push_back({matrix, level, size, static_cast<std::int64_t>(*counts)});
  return result;
}

std::array<double, kSizeFeatures> size_features(const Cells& cells, const std::vector<std::int64_t>& voxels) {
  // Cells by matrix, in their order.
  std::vector<std::size_t> start(voxels.size() + 1);
  for (const Cell& cell : cells) {
    if (cell[0] < 0 || static_cast<std::size_t>(cell[0]) >= voxels.size())
      throw std::invalid_argument("cormack: a cell names a matrix that is not there");
    ++start[static_cast<std::size_t>(cell[0]) + 1];
  }
  for (std::size_t i = 0; i < voxels.size(); ++i) start[i + 1] += start[i];
  Cells ordered(cells.size());
  std::vector<std::size_t> next(start.begin(), start.end() - 1);
  for (const Cell& cell : cells) ordered[next[static_cast<std::size_t>(cell[0])]++] = cell;
  std::array<double, kSizeFeatures> result{};
  std::vector<std::pair<std::int64_t, double>> room;
  std::size_t used = 0;
  for (std::size_t i = 0; i < voxels.size(); ++i) {
    if (start[i] == start[i + 1]) continue;
    const auto one = size_features_of(ordered.data() + start[i], ordered.data() + start[i + 1],
                                      static_cast<double>(voxels[i]), room);
    for (std::size_t k = 0; k < kSizeFeatures; ++k) result[k] += one[k];
    ++used;
  }
  for (double& value : result)
    value = used > 0 ? value / static_cast<double>(used) : std::numeric_limits<double>::quiet_NaN();
  return result;
}

std::optional<std::array<double, kPairFeatures>> pair_features(const std::uint32_t* counts, const Groups& group_of,
                                                               std::int64_t n) {
  std::vector<std::vector<std::size_t>> members;
  for (std::size_t matrix = 0; matrix < group_of.size(); ++matrix) {
    const std::size_t group = group_at(group_of, matrix);
    if (members.size() <= group) members.resize(group + 1);
    members[group].push_back(matrix);
  }
  const auto size = static_cast<std::size_t>(n);
  std::vector<std::int64_t> sum(size * size);
  std::array<double, kPairFeatures> one{}, result{};
  std::int64_t used = 0;
  for (const auto& group : members) {
    std::fill(sum.begin(), sum.end(), 0);
    for (const std::size_t matrix : group)
      for (std::size_t i = 0; i < size * size; ++i) sum[i] += counts[matrix * size * size + i];
    bool any = false;
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        const std::int64_t both = sum[i * size + j] + sum[j * size + i];
        sum[i * size + j] = sum[j * size + i] = both;
        any = any || both != 0;
      }
    }
    if (!any) continue;
    pair_features_of(sum.data(), n, one);
    for (std::size_t k = 0; k < kPairFeatures; ++k) result[k] += one[k];
    ++used;
  }
  if (used == 0) return std::nullopt;
  for (double& value : result) value /= static_cast<double>(used);
  return result;
}

std::vector<double> tone_matrices(const ToneCell* cells, std::int64_t tables, std::int64_t levels, std::int64_t width,
                                  bool merged) {
  const std::int64_t matrices = merged ? 1 : tables, size = levels * width;
  std::vector<double> result(static_cast<std::size_t>(matrices * levels * 2));
  std::vector<ToneCell> sum(static_cast<std::size_t>(merged ? size : 0));
  if (merged) {
    for (std::int64_t i = 0; i < tables * size; ++i) {
      ToneCell& cell = sum[static_cast<std::size_t>(i % size)];
      cell.voxels += cells[i].voxels;
      cell.difference += cells[i].difference;
    }
    cells = sum.data();
  }
  for (std::int64_t row = 0; row < matrices * levels; ++row) {
    double difference = 0;
    std::uint64_t voxels = 0;
    // Voxels without a neighbour are left out.
    for (std::int64_t neighbours = 1; neighbours < width; ++neighbours) {
      const ToneCell& cell = cells[row * width + neighbours];
      difference += static_cast<double>(cell.difference) / static_cast<double>(neighbours);
      voxels += cell.voxels;
    }
    result[static_cast<std::size_t>(2 * row)] = difference;
    result[static_cast<std::size_t>(2 * row + 1)] = static_cast<double>(voxels);
  }
  return result;
}

std::array<double, kToneFeatures> tone_features(const double* matrices, std::int64_t count, std::int64_t levels) {
  struct Tone {
    std::int64_t level;
    double difference, voxels;
  };
  std::array<double, kToneFeatures> one{}, result{};
  std::vector<Tone> tones;
  std::int64_t used = 0;
  for (std::int64_t matrix = 0; matrix < count; ++matrix) {
    tones.clear();
    for (std::int64_t i = 0; i < levels; ++i) {
      const double* row = matrices + 2 * (matrix * levels + i);
      if (row[1] > 0) tones.push_back({i + 1, row[0], row[1]});
    }
    if (tones.empty()) continue;
    cormack::tone_features(tones.data(), static_cast<std::int64_t>(tones.size()), one.data());
    for (std::size_t k = 0; k < kToneFeatures; ++k) result[k] += one[k];
    ++used;
  }
  if (used == 0) cormack::tone_features(tones.data(), 0, result.data());
  else
    for (double& value : result) value /= static_cast<double>(used);
  return result;
}

std::array<double, kHistogramFeatures> histogram_features(const std::int64_t* counts, std::int64_t n) {
  static_assert(kHistogramFeatures == cormack::kHistogramFeatures);
  struct WideBin {
    int value;
    double count;
  };
  struct Log2 {
    double operator[](double value) const { return std::log2(value); }
  };
  std::vector<WideBin> bins;
  for (std::int64_t i = 0; i < n; ++i)
    if (counts[i] != 0) bins.push_back({static_cast<int>(i + 1), static_cast<double>(counts[i])});
  if (bins.empty()) throw std::invalid_argument("histogram_features: no level occurs");
  std::array<double, kHistogramFeatures> result{};
  cormack::histogram_features(bins.data(), static_cast<std::int64_t>(bins.size()), static_cast<int>(n), Log2{},
                              result.data());
  return result;
}

std::array<double, 5> volume_fractions(const std::int64_t* counts, std::int64_t n) {
  constexpr std::int64_t percent[2] = {10, 90};
  const std::int64_t last = n - 1;
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += counts[i];
  const auto whole = static_cast<double>(total);
  std::array<double, 5> result{0, 0, static_cast<double>(n), static_cast<double>(n), 1};
  double area = 0;
  // How many voxels have at least an intensity; in integers, so that no limit depends on rounding.
  for (std::int64_t i = 0, reached = total; i < n; reached -= counts[i], ++i) {
    for (std::size_t k = 0; k < 2; ++k) {
      if (i == (percent[k] * last + 99) / 100) result[k] = static_cast<double>(reached) / whole;
      if (result[2 + k] == static_cast<double>(n) && 100 * reached <= percent[k] * total)
        result[2 + k] = static_cast<double>(i);
    }
    if (i < last) area += static_cast<double>(2 * reached - counts[i]);
  }
  if (last > 0) result[4] = area / (2 * static_cast<double>(last) * whole);
  return result;
}

}  // namespace cpu
}  // namespace cormack
