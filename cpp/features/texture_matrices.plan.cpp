#include "features/texture_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "features/texture_matrices.cuh"
#endif

// Images: the levels of all regions, as int16, then the results as bytes. Table: the regions, see texture_boxes.
// Parameters: per_slice, and `pairs` or `runs` with the steps (z, y, x) for their numbers, or `neighbours` with
// distance, coarseness, and whether tones and dependences are wanted; of two results that are not, the image is the
// levels.
CORMACK_PLAN(texture_matrices) {
  const bool per_slice = plan.integer("per_slice") != 0;
  const auto regions = plan.table<long long>(0);
  const auto levels = plan.data<unsigned short>(0);
  constexpr unsigned threads = 256;
  if (plan.integer("kind") == 3) {
    const auto boxes = texture_boxes(regions, per_slice, none_of, none_of);
    const auto [parts, chunk] = texture_parts(boxes, voxels_of);
    plan.fill(plan.data<unsigned>(1), static_cast<long long>(boxes.size()), 0u);
    if (parts.empty()) return;
    plan.launch(CORMACK_KERNEL(level_voxels), Dim{static_cast<unsigned>(parts.size())}, Dim{threads}, sizeof(unsigned),
                levels, plan.constant(boxes), plan.constant(parts), chunk, plan.data<unsigned>(1));
    return;
  }
  if (plan.integer("kind") == 2) {
    const auto settings = plan.integers("neighbours");
    const int reach = static_cast<int>(settings[0]), deep = per_slice ? 0 : reach, width = 2 * reach + 1;
    const int apart = static_cast<int>(settings[1]), most = width * width * (2 * deep + 1);
    const bool tones = settings[2] != 0, alike = settings[3] != 0;
    const auto cells_of = [&](const TextureBox& box) { return static_cast<long long>(box.levels) * most; };
    const auto boxes = texture_boxes(regions, per_slice, cells_of, none_of);
    const auto [parts, chunk] = texture_parts(boxes, voxels_of);
    long long largest = 0, total = 0, highest = 0;
    for (const TextureBox& box : boxes) {
      largest = std::max(largest, cells_of(box));
      highest = std::max<long long>(highest, box.levels);
      total += cells_of(box);
    }
    if (tones) plan.fill(plan.data<unsigned long long>(1), 2 * total, 0ull);
    if (alike) plan.fill(plan.data<unsigned long long>(2), total, 0ull);
    if (parts.empty()) return;
    const auto bytes = 3 * largest * static_cast<long long>(sizeof(unsigned));
    // Nor may a block's sum of differences exceed 32 bits.
    const bool in_shared = bytes <= Plan::kMostShared && highest * most * chunk < 1ll << 32;
    const auto launch = [&](const auto& kernel, unsigned shared) {
      plan.launch(kernel, Dim{static_cast<unsigned>(parts.size())}, Dim{threads}, shared, levels, plan.constant(boxes),
                  plan.constant(parts), chunk, deep, reach, apart, most, tones, alike, plan.data<unsigned long long>(1),
                  plan.data<unsigned long long>(2));
    };
    if (in_shared) launch(CORMACK_KERNEL(level_neighbours, true), static_cast<unsigned>(bytes));
    else launch(CORMACK_KERNEL(level_neighbours, false), 0);
    return;
  }
  const bool runs = plan.integer("kind") == 1;
  const auto steps = texture_steps(plan.integers("steps"));
  const int kinds = static_cast<int>(steps.size());
  const auto matrix = [&](const TextureBox& box) {
    return static_cast<long long>(box.levels) * (runs ? box.longest() : box.levels);
  };
  const auto cells_of = [&](const TextureBox& box) { return matrix(box) * kinds; };
  const auto boxes = texture_boxes(regions, per_slice, cells_of, none_of);
  const auto [parts, chunk] = texture_parts(boxes, voxels_of);
  long long largest = 1, total = 0;
  for (const TextureBox& box : boxes) {
    largest = std::max(largest, runs ? matrix(box) : static_cast<long long>(box.levels) * (box.levels + 1) / 2);
    total += cells_of(box);
  }
  const auto counts = plan.data<unsigned>(1);
  plan.fill(counts, total, 0u);
  if (parts.empty()) return;
  const long long fits = Plan::kMostShared / static_cast<long long>(sizeof(unsigned)) / largest;
  const bool in_shared = fits > 0;
  // Steps are spread over blocks evenly.
  const int rounds = in_shared ? static_cast<int>((kinds + fits - 1) / fits) : 1;
  const int group = (kinds + rounds - 1) / rounds;
  const auto launch = [&](const auto& kernel) {
    const auto shared = in_shared ? static_cast<unsigned>(largest * group * 4) : 0u;
    plan.launch(kernel, Dim{static_cast<unsigned>(parts.size()), Plan::parts(kinds, group)}, Dim{threads}, shared,
                levels, plan.constant(boxes), plan.constant(parts), chunk, plan.constant(steps), kinds, group, counts);
  };
  if (runs && in_shared) launch(CORMACK_KERNEL(level_runs, true));
  else if (runs) launch(CORMACK_KERNEL(level_runs, false));
  else if (in_shared) launch(CORMACK_KERNEL(level_pairs, true));
  else launch(CORMACK_KERNEL(level_pairs, false));
}
