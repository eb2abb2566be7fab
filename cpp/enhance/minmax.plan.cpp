#include "enhance/reductions_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "enhance/minmax.cuh"
#endif

// Images: source, result (float64: lowest, highest, whether there is a NaN), and a mask if there is one.
CORMACK_PLAN(minmax) {
  const auto [mask, mask_from, from, dense] = masked(plan, 2);
  const Dim grid = Plan::blocks_for(from.size(), 256 * 16, 1024);
  const auto blocks = plan.scratch<double>(3 * static_cast<long long>(grid.x));
  constexpr unsigned shared = 8 * 3 * sizeof(double);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    plan.launch(CORMACK_KERNEL(minmax, T), grid, Dim{256}, shared, plan.data<T>(0), mask, mask_from, from, dense,
                blocks);
  });
  plan.launch(CORMACK_KERNEL(minmax_of_blocks), Dim{1}, Dim{256}, shared, blocks, static_cast<int>(grid.x),
              plan.data<double>(1));
}
