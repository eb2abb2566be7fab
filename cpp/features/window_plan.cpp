#include "features/window_plan.hpp"

#include <algorithm>
#include <cmath>

#include "features/texture_formulas.hpp"

namespace cormack {
namespace {

// One of each two opposite steps.
std::vector<Offset> forwards(bool in_slice, std::int64_t reach) {
  std::vector<Offset> result;
  const std::int64_t deep = in_slice ? 0 : reach;
  for (std::int64_t z = 0; z <= deep; ++z)
    for (std::int64_t y = -reach; y <= reach; ++y)
      for (std::int64_t x = -reach; x <= reach; ++x)
        if (Offset{z, y, x} > Offset{}) result.push_back({z, y, x});
  return result;
}

}  // namespace

WindowPlan::WindowPlan(const LocalSettings& how, std::int64_t levels, const std::vector<LocalFeature>& features)
    : settings(how), level_count(levels) {
  radius = {how.in_slice ? 0 : how.radius, how.radius, how.radius};
  for (std::size_t axis = 0; axis < 3; ++axis) width[axis] = 2 * radius[axis] + 1;
  size = width[0] * width[1] * width[2];
  longest = 2 * how.radius + 1;
  for (const LocalFeature& feature : features) {
    wanted[static_cast<std::size_t>(feature.family)] = true;
    for (const int ordered : {4, 6, 7, 9, 12, 13, 15})
      orders = orders || (feature.family == LocalFamily::statistics && feature.index == ordered);
    correlates = correlates || (feature.family == LocalFamily::cooccurrence && feature.index == kCooccurrenceFeatures);
  }
  const auto number = [&](const Offset& at) {
    return static_cast<std::uint16_t>((at[0] * width[1] + at[1]) * width[2] + at[2]);
  };
  const auto over = [&](const auto& f) {
    for (std::int64_t z = 0; z < width[0]; ++z)
      for (std::int64_t y = 0; y < width[1]; ++y)
        for (std::int64_t x = 0; x < width[2]; ++x) f(Offset{z, y, x});
  };
  const auto moved = [&](const Offset& at, const Offset& step, std::int64_t times, Offset& result) {
    bool inside = true;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      result[axis] = at[axis] + times * step[axis];
      inside = inside && result[axis] >= 0 && result[axis] < width[axis];
    }
    return inside;
  };
  const auto add_pairs = [&](const Offset& step, std::vector<Pair>& result) {
    over([&](const Offset& at) {
      Offset other;
      if (moved(at, step, 1, other)) result.push_back({number(at), number(other)});
    });
  };
  const std::vector<Offset> steps = forwards(how.in_slice, 1);
  kinds = static_cast<std::int64_t>(steps.size());
  for (const Offset& step : steps) {
    adjacent_start.push_back(adjacent.size());
    add_pairs(step, adjacent);
    line_start.push_back(lines.size());
    if (!how.as_pyradiomics) continue;
    over([&](Offset at) {
      Offset other;
      if (moved(at, step, -1, other)) return;
      for (bool inside = true; inside; inside = moved(at, step, 1, other), at = other) lines.push_back(number(at));
      lines.push_back(static_cast<std::uint16_t>(size));
    });
  }
  adjacent_start.push_back(adjacent.size());
  line_start.push_back(lines.size());
  for (const Offset& offset : how.offsets) {
    pair_start.push_back(pairs.size());
    if (wants(LocalFamily::cooccurrence)) add_pairs(offset, pairs);
  }
  pair_start.push_back(pairs.size());
  if (wants(LocalFamily::tone) || wants(LocalFamily::dependence))
    for (const Offset& step : forwards(how.in_slice, std::min(how.distance, longest - 1))) add_pairs(step, neighbours);
  const auto totals = std::max(2 * pairs.size(), static_cast<std::size_t>(kinds * size)) + 1;
  log2_of.resize(totals);
  for (std::size_t n = 1; n < totals; ++n) log2_of[n] = std::log2(static_cast<double>(n));
}

}  // namespace cormack
