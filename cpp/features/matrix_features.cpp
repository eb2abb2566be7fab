#include "features/matrix_features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

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

}  // namespace

namespace cpu {

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

void pair_features(const std::int64_t* counts, std::int64_t matrices, std::int64_t n, double* result) {
  std::array<double, kPairFeatures> one{};
  for (std::int64_t i = 0; i < matrices; ++i) {
    pair_features_of(counts + i * n * n, n, one);
    for (std::size_t k = 0; k < kPairFeatures; ++k) result[static_cast<std::int64_t>(k) * matrices + i] = one[k];
  }
}

}  // namespace cpu
}  // namespace cormack
