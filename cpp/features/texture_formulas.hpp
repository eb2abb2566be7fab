#pragma once
// What texture matrices become: the features of IBSI (A. Zwanenburg et al., arXiv:1612.07003, sections 3.6 to 3.11), in
// its order, shared by CPU and GPU. Matrices come as lists of what is not zero. No standard header.
#include "core/hd.hpp"
#include "pointwise/map_formulas.hpp"

namespace cormack {

// A level, difference or sum, and how often it occurs.
struct Bin {
  int value;
  unsigned count;
};

// Pairs of voxels of two levels, in either order.
struct PairCell {
  unsigned pairs;
  bool same;  // both levels are one
};

// Runs, zones or voxels of one level and length, size, distance or dependence.
struct SizeCell {
  int level, size;
  unsigned count;
};

// Voxels of one level, and the sum of their differences from the mean of their neighbours.
struct ToneLevel {
  int level;
  unsigned voxels;
  double difference;
};

inline constexpr int kCooccurrenceFeatures = 25, kSizeFeatures = 17, kToneFeatures = 5;
// What the reference manual sets coarseness to where no voxel differs from its neighbours.
inline constexpr double kCoarsest = 1e6;

// log2_of[n] is the logarithm of n, up to the total: a table, or what computes it. Exactly 0 where there is one bin.
// Bins are of type Bin, or of another one whose counts are wider.
template <class B, class Log2>
CORMACK_HD double entropy_of(const B* bins, long long n, double total, Log2 log2_of) {
  const double most = log2_of[static_cast<long long>(total)];
  double sum = 0;
  for (long long i = 0; i < n; ++i) sum += bins[i].count * (most - log2_of[bins[i].count]);
  return sum / total;
}

// Co-occurrence of levels. levels: how often each is the one or the other of a pair; differences and sums: how many
// pairs have them; highest: the number of levels of the discretisation.
CORMACK_HD void cooccurrence_features(const PairCell* joint, long long joint_count, const Bin* levels,
                                      long long level_bins, const Bin* differences, long long difference_bins,
                                      const Bin* sums, long long sum_bins, double highest, const double* log2_of,
                                      double* result) {
  double pairs = 0;
  for (long long i = 0; i < joint_count; ++i) pairs += joint[i].pairs;
  // A symmetric matrix holds every pair twice, in two cells unless both levels are one.
  const double total = 2 * pairs, most = log2_of[static_cast<long long>(total)];
  double joint_entropy = 0, squares = 0, largest = 0;
  for (long long i = 0; i < joint_count; ++i) {
    const double count = joint[i].pairs, cell = joint[i].same ? 2 * count : count;
    joint_entropy += 2 * count * (most - log2_of[static_cast<long long>(cell)]);
    squares += 2 * count * cell;
    largest = cell > largest ? cell : largest;
  }
  joint_entropy /= total;

  double mean = 0, variance = 0;
  for (long long i = 0; i < level_bins; ++i) mean += static_cast<double>(levels[i].count) * levels[i].value;
  mean /= total;
  for (long long i = 0; i < level_bins; ++i) {
    const double away = levels[i].value - mean;
    variance += levels[i].count * (away * away);
  }
  variance /= total;
  const double level_entropy = entropy_of(levels, level_bins, total, log2_of);

  double apart = 0, apart2 = 0, inverse = 0, inverse_normed = 0, moment = 0, moment_normed = 0, inverse_variance = 0;
  for (long long i = 0; i < difference_bins; ++i) {
    const double count = differences[i].count, d = differences[i].value, d2 = d * d;
    apart += count * d;
    apart2 += count * d2;
    inverse += count / (1 + d);
    inverse_normed += count / (1 + d / highest);
    moment += count / (1 + d2);
    moment_normed += count / (1 + d2 / (highest * highest));
    if (d > 0) inverse_variance += count / d2;
  }
  const double apart_mean = apart / pairs, contrast = apart2 / pairs;
  double apart_variance = 0;
  for (long long i = 0; i < difference_bins; ++i) {
    const double away = differences[i].value - apart_mean;
    apart_variance += differences[i].count * (away * away);
  }

  double sum = 0, sum2 = 0, sum_variance = 0, tendency = 0, shade = 0, prominence = 0;
  for (long long i = 0; i < sum_bins; ++i) {
    const double count = sums[i].count, s = sums[i].value;
    sum += count * s;
    sum2 += count * (s * s);
  }
  const double sum_mean = sum / pairs;
  for (long long i = 0; i < sum_bins; ++i) {
    const double count = sums[i].count, away = sums[i].value - sum_mean, around = sums[i].value - 2 * mean;
    const double around2 = around * around;
    sum_variance += count * (away * away);
    tendency += count * around2;
    shade += count * (around2 * around);
    prominence += count * (around2 * around2);
  }
  tendency /= pairs;

  const bool one_level = level_bins == 1;
  const double dependence = 1 - exp_saturated(-2 * (2 * level_entropy - joint_entropy));
  result[0] = largest / total;
  result[1] = mean;
  result[2] = variance;
  result[3] = joint_entropy;
  result[4] = apart_mean;
  result[5] = apart_variance / pairs;
  result[6] = entropy_of(differences, difference_bins, pairs, log2_of);
  result[7] = sum_mean;
  result[8] = sum_variance / pairs;
  result[9] = entropy_of(sums, sum_bins, pairs, log2_of);
  result[10] = squares / (total * total);
  result[11] = contrast;
  result[12] = apart_mean;
  result[13] = inverse / pairs;
  result[14] = inverse_normed / pairs;
  result[15] = moment / pairs;
  result[16] = moment_normed / pairs;
  result[17] = inverse_variance / pairs;
  result[18] = one_level ? 1.0 : (tendency - contrast) / (4 * variance);
  result[19] = (sum2 - apart2) / pairs / 4;
  result[20] = tendency;
  result[21] = shade / pairs;
  result[22] = prominence / pairs;
  result[23] = one_level ? 0.0 : (joint_entropy - 2 * level_entropy) / level_entropy;
  result[24] = dependence > 0 ? __builtin_sqrt(dependence) : 0.0;
}

// Run lengths, zones and dependence; families of 16 features leave the last one out. level_squares and size_squares:
// the sums of the squares of how often each level, and each size, occurs. voxels: those of the percentage.
CORMACK_HD void size_features(const SizeCell* cells, long long cell_count, double level_squares, double size_squares,
                              double voxels, const double* log2_of, double* result) {
  double total = 0, level_mean = 0, size_mean = 0, energy = 0;
  double sums[8] = {};
  for (long long i = 0; i < cell_count; ++i) {
    const double n = cells[i].count, level = cells[i].level, size = cells[i].size;
    const double level2 = level * level, size2 = size * size, low = n / level2, high = n * level2;
    total += n;
    level_mean += n * level;
    size_mean += n * size;
    energy += n * n;
    sums[0] += n / size2;
    sums[1] += n * size2;
    sums[2] += low;
    sums[3] += high;
    sums[4] += low / size2;
    sums[5] += high / size2;
    sums[6] += low * size2;
    sums[7] += high * size2;
  }
  level_mean /= total;
  size_mean /= total;
  const double most = log2_of[static_cast<long long>(total)];
  double level_variance = 0, size_variance = 0, entropy = 0;
  for (long long i = 0; i < cell_count; ++i) {
    const double n = cells[i].count, level = cells[i].level - level_mean, size = cells[i].size - size_mean;
    level_variance += n * (level * level);
    size_variance += n * (size * size);
    entropy += n * (most - log2_of[cells[i].count]);
  }
  for (int i = 0; i < 8; ++i) result[i] = sums[i] / total;
  result[8] = level_squares / total;
  result[9] = level_squares / (total * total);
  result[10] = size_squares / total;
  result[11] = size_squares / (total * total);
  result[12] = total / voxels;
  result[13] = level_variance / total;
  result[14] = size_variance / total;
  result[15] = entropy / total;
  result[16] = energy / (total * total);
}

// Grey tone differences of voxels with a neighbour; there may be none. Tones are of type ToneLevel, or of another one
// whose counts are wider.
template <class Tone>
CORMACK_HD void tone_features(const Tone* levels, long long n, double* result) {
  double voxels = 0, differences = 0, weighted = 0;
  for (long long i = 0; i < n; ++i) {
    voxels += levels[i].voxels;
    differences += levels[i].difference;
    weighted += levels[i].voxels * levels[i].difference;
  }
  double spread = 0, busy = 0, complexity = 0, strength = 0;
  for (long long i = 0; i < n; ++i) {
    const double count = levels[i].voxels, own = count * levels[i].difference, weight = count * levels[i].level;
    for (long long j = 0; j < i; ++j) {
      const double other = levels[j].voxels, d = levels[i].level - levels[j].level, apart = d < 0 ? -d : d;
      const double uneven = weight - other * levels[j].level, both = count + other;
      spread += count * other * (d * d);
      busy += uneven < 0 ? -uneven : uneven;
      complexity += apart * (own + other * levels[j].difference) / both;
      strength += both * (d * d);
    }
  }
  // Sums over pairs in either order.
  result[0] = weighted > 0 ? voxels / weighted : kCoarsest;
  result[1] = n > 1 ? 2 * spread / (voxels * voxels) / (n * (n - 1.0)) * (differences / voxels) : 0.0;
  result[2] = busy > 0 ? weighted / (2 * busy) : 0.0;
  result[3] = voxels > 0 ? 2 * complexity / voxels : 0.0;
  result[4] = differences > 0 ? 2 * strength / voxels / differences : 0.0;
}

}  // namespace cormack
