#pragma once
// Which voxels of a neighbourhood are pairs, and which are lines.
#include <array>
#include <vector>

#include "features/feature_map.hpp"

namespace cormack {

// What is the same for all neighbourhoods. Places in a neighbourhood are numbers from 0, rows first along x.
struct WindowPlan {
  struct Pair {
    std::uint16_t first, second;
  };
  WindowPlan(const LocalSettings& settings, std::int64_t level_count, const std::vector<LocalFeature>& features);

  bool wants(LocalFamily family) const { return wanted[static_cast<std::size_t>(family)]; }

  LocalSettings settings;
  std::int64_t level_count;
  std::array<std::int64_t, 3> radius, width;
  std::int64_t size, longest;  // voxels, and along an axis
  std::int64_t kinds;          // directions of runs
  std::array<bool, 8> wanted{};
  bool orders = false;      // a statistic of intensities needs quantiles
  bool correlates = false;  // the maximal correlation coefficient is wanted
  std::vector<Pair> pairs;
  std::vector<std::size_t> adjacent_start;  // of each direction
  std::vector<std::size_t> pair_start;      // of each offset
  std::vector<Pair> neighbours, adjacent;   // within the distance; that touch
  std::vector<std::uint16_t> lines;         // of all directions; after each the place beyond the last
  std::vector<std::size_t> line_start;      // of each direction
  std::vector<double> log2_of;
};

}  // namespace cormack
