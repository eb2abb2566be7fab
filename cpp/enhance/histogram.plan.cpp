#include "enhance/reductions_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "enhance/histogram.cuh"
#endif

// Images: source, counts (int64), and a mask if there is one. Table: edges (float64), one more than counts.
CORMACK_PLAN(histogram) {
  const auto [mask, mask_from, from, dense] = masked(plan, 2);
  const std::vector<double> edges = plan.table<double>(0);
  const int bins = static_cast<int>(edges.size()) - 1;
  const long long bytes = 12ll * bins + 8;
  const bool shared = bytes <= Plan::kMostShared;
  const auto counts = plan.data<unsigned long long>(1);
  plan.fill(counts, bins, 0ull);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    plan.launch(CORMACK_KERNEL(histogram, T), Plan::blocks_for(from.size(), 256 * 16, 2112), Dim{256},
                shared ? static_cast<unsigned>(bytes) : 0u, plan.data<T>(0), mask, mask_from, from, dense,
                plan.constant(edges), bins, shared, counts);
  });
}
