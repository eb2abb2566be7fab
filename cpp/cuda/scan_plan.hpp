#pragma once
// Include after cuda/plan.hpp and, where kernels are seen, cuda/scan.cuh.
#include "cuda/plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "cuda/scan.cuh"
#endif

namespace cormack::device {

// `values` become their exclusive prefix sums, modulo 2^32.
inline void plan_scan(Plan& plan, Pointer<unsigned> values, long long count) {
  constexpr long long block = 1024;
  const long long blocks = (count + block - 1) / block;
  if (blocks <= 0) return;
  const Pointer<unsigned> totals = plan.scratch<unsigned>(blocks);
  const Dim grid = Plan::blocks_for(blocks, 1);
  plan.launch(CORMACK_KERNEL(scan_blocks, 0), grid, Dim{256}, 8 * sizeof(unsigned), values, count, totals);
  if (blocks == 1) return;
  plan_scan(plan, totals, blocks);
  plan.launch(CORMACK_KERNEL(add_block_bases, 0), grid, Dim{256}, 0, values, count, totals);
}

}  // namespace cormack::device
