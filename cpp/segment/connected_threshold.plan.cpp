#include "segment/bit_rows_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "segment/connected_threshold.cuh"
#endif

// Images: source, target (bool), and a mask (bool or uint8) if there is one. Parameters: lower, upper, connectivity.
// Table: the seeds, int32 (z, y, x).
CORMACK_PLAN(connected_threshold) {
  const Layout from = plan.layout(0), to = plan.layout(1);
  const auto [rows, bits, parents] = forest_of(plan, from);
  const bool masked = plan.image_count() > 2;
  const auto mask = masked ? plan.data<unsigned char>(2) : Pointer<unsigned char>{};
  const Layout mask_from = masked ? plan.layout(2) : from;
  const Dim warps = Plan::blocks_for(rows.size(), 8, 1 << 20), threads = Plan::blocks_for(rows.size(), 256, 1 << 20);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    plan.launch(CORMACK_KERNEL(bits_in_range, T), warps, Dim{256}, 0, plan.data<T>(0), from, mask, mask_from, bits,
                parents, rows, plan.real("lower"), plan.real("upper"));
  });
  plan.launch(CORMACK_KERNEL(unite_runs, 0), threads, Dim{256}, 0, bits, parents, rows,
              static_cast<int>(plan.integer("connectivity")));
  const std::vector<int> seeds = plan.table<int>(0);
  const auto count = static_cast<long long>(seeds.size() / 3);
  if (count > 0) {
    const auto roots = plan.scratch<unsigned>(count);
    const Dim some = Plan::blocks_for(count, 128, 1 << 16);
    plan.launch(CORMACK_KERNEL(find_seeds, 0), some, Dim{128}, 0, bits, parents, rows, plan.constant(seeds), count,
                roots);
    plan.launch(CORMACK_KERNEL(mark_roots, 0), some, Dim{128}, 0, parents, roots, count);
  }
  plan.launch(CORMACK_KERNEL(keep_marked, 0), warps, Dim{256}, 0, bits, parents, rows, plan.data<unsigned char>(1), to);
}
