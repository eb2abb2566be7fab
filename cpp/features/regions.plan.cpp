#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cuda/plan.hpp"
#include "features/level_formula.hpp"
#include "features/region_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "features/regions.cuh"
#endif

// Table 0: the regions, see region_boxes. Parameters kind; chunk, the voxels that a block takes; and for each kind
// 0: images image, values as bytes; rounds. 1: labels, mask; any. 2: image, values; linear, single, rounds; tables of
// voxels (int32) and fractions. 3: labels, mask as large as the surroundings; linear, threshold, any; the same tables.
// 4: such a mask, bounds as bytes. 5: such a mask, mask. All others have images values, mask, result as bytes: 6: sums.
// 7: the mask that limits leave; table of them. 8: grey levels as int16; table of rules. 9: counts; tables of rules and
// of their numbers. 10: moments; table of centers. 11: deviation; the same. 12: values of kRanks ranks of each region;
// table of ranks as int32. 13: peaks; depth, height; tables of the highest values and of halves of chords as int32.
// 14: pairs; spacing; table of centers.
CORMACK_PLAN(regions) {
  const auto boxes = region_boxes(plan.table<long long>(0));
  const long long kind = plan.integer("kind");
  const bool around = kind == 0 || (kind >= 2 && kind <= 4);
  const int chunk = static_cast<int>(plan.integer("chunk"));
  const auto parts = around ? parts_of(boxes, voxels_around, chunk) : parts_of(boxes, voxels_inside, chunk);
  if (parts.empty()) return;
  const Dim grid{static_cast<unsigned>(parts.size())}, block{256};
  const auto boxes_at = plan.constant(boxes);
  const auto parts_at = plan.constant(parts);
  constexpr unsigned sums = 256 * sizeof(double);
  const auto over_labels = [&](const auto& f) {
    cormack::dispatch(plan.image(0).dtype, [&](auto t) {
      if constexpr (Limits<decltype(t)>::integer) f(t);
      else throw Unsupported("masks are integers");
    });
  };
  if (kind < 4) {
    const Layout from = plan.layout(0);
    const auto inside = plan.data<unsigned char>(1);
    const auto values = plan.data<double>(1);
    if (kind == 0) {
      const bool rounds = plan.integer("rounds") != 0;
      return cormack::dispatch(plan.image(0).dtype, [&](auto t) {
        using T = decltype(t);
        plan.launch(CORMACK_KERNEL(region_values, T), grid, block, 0, plan.data<T>(0), from, boxes_at, parts_at, chunk,
                    rounds, values);
      });
    }
    if (kind == 1) {
      const bool any = plan.integer("any") != 0;
      return over_labels([&](auto t) {
        using T = decltype(t);
        plan.launch(CORMACK_KERNEL(region_mask, T), grid, block, 0, plan.data<T>(0), from, boxes_at, parts_at, chunk,
                    any, inside);
      });
    }
    const bool linear = plan.integer("linear") != 0;
    const auto voxels = plan.constant(plan.table<int>(1));
    const auto fractions = plan.constant(plan.table<double>(2));
    if (kind == 2) {
      const bool rounds = plan.integer("rounds") != 0, single = plan.integer("single") != 0;
      return cormack::dispatch(plan.image(0).dtype, [&](auto t) {
        using T = decltype(t);
        plan.launch(CORMACK_KERNEL(region_nodes, T), grid, block, 0, plan.data<T>(0), from, boxes_at, parts_at, chunk,
                    voxels, fractions, linear, single, rounds, values);
      });
    }
    const double threshold = plan.real("threshold");
    const bool any = plan.integer("any") != 0;
    return over_labels([&](auto t) {
      using T = decltype(t);
      plan.launch(CORMACK_KERNEL(region_mask_nodes, T), grid, block, 0, plan.data<T>(0), from, boxes_at, parts_at,
                  chunk, voxels, fractions, linear, threshold, any, inside);
    });
  }
  if (kind == 4) {
    const auto bounds = plan.data<int>(1);
    plan.fill(bounds, 6 * static_cast<long long>(boxes.size()), -2147483647);
    plan.launch(CORMACK_KERNEL(region_bounds, 0), grid, block, 0, plan.data<unsigned char>(0), boxes_at, parts_at,
                chunk, bounds);
    return;
  }
  if (kind == 5) {
    plan.launch(CORMACK_KERNEL(region_crop, 0), grid, block, 0, plan.data<unsigned char>(0), boxes_at, parts_at, chunk,
                plan.data<unsigned char>(1));
    return;
  }
  const auto values = plan.data<double>(0), result = plan.data<double>(2);
  const auto inside = plan.data<unsigned char>(1);
  const auto launch = [&](const auto& kernel, unsigned shared, const auto&... rest) {
    plan.launch(kernel, grid, block, shared, values, inside, boxes_at, parts_at, chunk, rest...);
  };
  const auto centers = [&] { return plan.constant(plan.table<RegionCenter>(1)); };
  if (kind == 6) return launch(CORMACK_KERNEL(region_sums, 0), sums, result);
  if (kind == 7)
    return launch(CORMACK_KERNEL(region_kept, 0), 0, plan.constant(plan.table<RegionLimits>(1)),
                  plan.data<unsigned char>(2));
  if (kind == 8) {
    if (chunk != 256) throw std::invalid_argument("regions: a thread takes one voxel");
    plan.launch(CORMACK_KERNEL(region_levels, 0), grid, block, 0, values, inside, boxes_at, parts_at,
                plan.constant(plan.table<cormack::LevelOf>(1)), plan.data<unsigned short>(2));
    return;
  }
  if (kind == 9) {
    const auto sizes = plan.table<long long>(2);
    std::vector<RegionCounts> places;
    long long total = 0, largest = 0;
    for (const long long size : sizes) {
      places.push_back({total, static_cast<int>(size), 0});
      total += size;
      largest = std::max(largest, size);
    }
    const auto counts = plan.data<unsigned>(2);
    plan.fill(counts, total, 0u);
    const auto rules = plan.constant(plan.table<cormack::LevelOf>(1));
    const auto places_at = plan.constant(places);
    if (largest * 4 <= Plan::kMostShared)
      launch(CORMACK_KERNEL(region_counts, true), static_cast<unsigned>(largest * 4), rules, places_at, counts);
    else launch(CORMACK_KERNEL(region_counts, false), 0, rules, places_at, counts);
    return;
  }
  if (kind == 10) return launch(CORMACK_KERNEL(region_moments, 0), sums, centers(), result);
  if (kind == 11) return launch(CORMACK_KERNEL(region_deviation, 0), sums, centers(), result);
  if (kind == 12) {
    const auto wanted = plan.table<unsigned>(1);
    const int count = static_cast<int>(wanted.size());
    const auto places = plan.data<unsigned long long>(2);
    const auto counts = plan.scratch<unsigned>(static_cast<long long>(count) * kDigits);
    const auto ranks = plan.scratch<unsigned>(count);
    plan.fill(places, count, 0ull);
    plan.fill(counts, static_cast<long long>(count) * kDigits, 0u);
    plan.launch(CORMACK_KERNEL(region_copied, 0), Plan::blocks_for(count, 256), block, 0, plan.constant(wanted), count,
                ranks);
    for (int shift = 56; shift >= 0; shift -= 8) {
      launch(CORMACK_KERNEL(region_digits, 0), static_cast<unsigned>(kRanks * kDigits * sizeof(unsigned)), shift,
             places, counts);
      plan.launch(CORMACK_KERNEL(region_ranks, 0), Plan::blocks_for(count, 256), block, 0, count, shift, counts, ranks,
                  places);
    }
    return;
  }
  if (kind == 13) {
    const auto peaks = plan.data<long long>(2);
    plan.fill(peaks, 2 * static_cast<long long>(boxes.size()), -(1ll << 62) * 2);
    if (chunk != 256) throw std::invalid_argument("regions: a thread takes one voxel");
    plan.launch(CORMACK_KERNEL(region_peaks, 0), grid, block, 0, values, inside, boxes_at, parts_at,
                plan.constant(plan.table<double>(1)), plan.constant(plan.table<int>(2)),
                static_cast<int>(plan.integer("depth")), static_cast<int>(plan.integer("height")), peaks);
    return;
  }
  if (chunk != 256) throw std::invalid_argument("regions: a thread takes one voxel");
  const auto spacing = plan.reals("spacing");
  plan.launch(CORMACK_KERNEL(region_pairs, 0), grid, block, sums, values, inside, boxes_at, parts_at, centers(),
              spacing.at(0), spacing.at(1), spacing.at(2), result);
}
