#include <algorithm>

#include "segment/bit_rows_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "segment/confidence_connected.cuh"
#endif

// One growing. Images: source, target (bool), the state of the growing (5 float64, the last one: whether the range is
// final), and a mask (bool or uint8) if there is one. Parameters: connectivity, multiplier, radius (z, y, x); first:
// whether the range is to be found from the seeds before; last: whether it is not to be found from the region after.
// Tables: the seeds, and those of them that are named again; int32 (z, y, x).
CORMACK_PLAN(confidence_connected) {
  const Layout from = plan.layout(0), to = plan.layout(1);
  const auto [rows, bits, parents] = forest_of(plan, from);
  const auto region = plan.data<unsigned char>(1);
  const auto state = plan.data<double>(2);
  const bool masked = plan.image_count() > 3;
  const auto mask = masked ? plan.data<unsigned char>(3) : Pointer<unsigned char>{};
  const Layout mask_from = masked ? plan.layout(3) : from;
  const Dim warps = Plan::blocks_for(rows.size(), 8, 1 << 20), threads = Plan::blocks_for(rows.size(), 256, 1 << 20);
  const std::vector<int> seeds = plan.table<int>(0), repeated = plan.table<int>(1);
  const auto count = static_cast<long long>(seeds.size() / 3);
  const auto again = static_cast<int>(repeated.size() / 3);
  const std::vector<long long> radius = plan.integers("radius");
  const double multiplier = plan.real("multiplier");
  double voxels = static_cast<double>(count);
  for (const long long r : radius) voxels *= static_cast<double>(2 * r + 1);
  if (voxels > 1 << 18) throw Unsupported("the boxes around all seeds have at most 2^18 voxels");
  const auto seeds_at = plan.constant(seeds);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const auto source = plan.data<T>(0);
    if (plan.integer("first") != 0)
      plan.launch(CORMACK_KERNEL(first_range, T), Dim{1}, Dim{32}, 0, source, from, mask, mask_from, seeds_at,
                  static_cast<int>(count), static_cast<int>(radius.at(0)), static_cast<int>(radius.at(1)),
                  static_cast<int>(radius.at(2)), multiplier, state);
    plan.launch(CORMACK_KERNEL(bits_in_found_range, T), warps, Dim{256}, 0, source, from, mask, mask_from, bits,
                parents, rows, state);
    plan.launch(CORMACK_KERNEL(unite_runs, 0), threads, Dim{256}, 0, bits, parents, rows,
                static_cast<int>(plan.integer("connectivity")));
    if (count > 0) {
      const auto roots = plan.scratch<unsigned>(count);
      const Dim some = Plan::blocks_for(count, 128, 1 << 16);
      plan.launch(CORMACK_KERNEL(find_seeds, 0), some, Dim{128}, 0, bits, parents, rows, seeds_at, count, roots);
      plan.launch(CORMACK_KERNEL(mark_roots, 0), some, Dim{128}, 0, parents, roots, count);
    }
    plan.launch(CORMACK_KERNEL(keep_marked, 0), warps, Dim{256}, 0, bits, parents, rows, region, to);
    if (plan.integer("last") != 0) return;
    const auto sums = plan.scratch<unsigned long long>(4);
    plan.fill(sums, 4, 0ull);
    // The CPU's blocks: BitImage::grain.
    const int rows_of_block = std::max(1, 65536 / std::max(1, from.width));
    const long long blocks = std::is_floating_point_v<T> ? Plan::parts(rows.rows(), rows_of_block) : 0;
    const auto block_sums = plan.scratch<double>(2 * blocks);
    if constexpr (std::is_floating_point_v<T>)
      plan.launch(CORMACK_KERNEL(sum_region_blocks, T), Plan::blocks_for(blocks, 4, 1 << 16), Dim{128}, 0, source, from,
                  region, to, rows_of_block, blocks, sums, block_sums);
    else
      plan.launch(CORMACK_KERNEL(sum_region, T), Plan::blocks_for(from.size(), 256 * 16, 2112), Dim{256}, 0, source,
                  from, region, to, sums);
    plan.launch(CORMACK_KERNEL(next_range, T), Dim{1}, Dim{32}, 0, source, from, mask, mask_from,
                plan.constant(repeated), again, sums, block_sums, blocks, multiplier, state);
  });
}
