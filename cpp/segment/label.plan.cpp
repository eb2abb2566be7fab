#include "cuda/scan_plan.hpp"
#include "segment/bit_rows_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "segment/label.cuh"
#endif

// Images: mask, labels (int32), and one int32 for their number. Parameter: connectivity.
CORMACK_PLAN(label) {
  const Layout from = plan.layout(0), to = plan.layout(1);
  const auto [rows, bits, parents] = forest_of(plan, from);
  const auto roots = plan.scratch<unsigned>(rows.size()), counts = plan.scratch<unsigned>(rows.size());
  const Dim warps = Plan::blocks_for(rows.size(), 8, 1 << 20), threads = Plan::blocks_for(rows.size(), 256, 1 << 20);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    plan.launch(CORMACK_KERNEL(bits_not_zero, T), warps, Dim{256}, 0, plan.data<T>(0), from, bits, parents, rows);
  });
  plan.launch(CORMACK_KERNEL(unite_runs, 0), threads, Dim{256}, 0, bits, parents, rows,
              static_cast<int>(plan.integer("connectivity")));
  plan.launch(CORMACK_KERNEL(find_roots), threads, Dim{256}, 0, bits, parents, rows, roots, counts);
  plan_scan(plan, counts, rows.size());
  plan.launch(CORMACK_KERNEL(write_labels), warps, Dim{256}, 0, bits, parents, rows, roots, counts, plan.data<int>(1),
              to, plan.data<int>(2));
}
