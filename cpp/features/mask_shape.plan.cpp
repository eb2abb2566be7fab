#include "cuda/plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "features/mask_shape.cuh"
#endif

// Images: a mask of uint8 or bool; as bytes the counts of patterns and the sums, 266 of them, and the ends of rows.
CORMACK_PLAN(mask_shape) {
  const Layout from = plan.layout(0);
  const auto mask = plan.data<unsigned char>(0);
  const auto counts = plan.data<unsigned long long>(1);
  const Dim block{32, 8};
  plan.fill(counts, 266, 0ull);
  plan.launch(CORMACK_KERNEL(corner_patterns), Plan::blocks_for((from.depth + 1ll) * (from.height + 1ll), 8, 1 << 12),
              block, 256 * sizeof(unsigned), mask, from, counts);
  plan.launch(CORMACK_KERNEL(mask_rows), Plan::blocks_for(static_cast<long long>(from.depth) * from.height, 8, 1 << 12),
              block, 0, mask, from, plan.data<int>(2), counts + 256);
}
