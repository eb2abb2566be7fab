#include "cuda/plan.hpp"
#include "pointwise/linear_formula.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "pointwise/linear_map.cuh"
#endif

// Images: source, target. Parameters: lower, upper, low, high.
CORMACK_PLAN(linear_map) {
  const cormack::LinearFormula formula =
      cormack::linear_formula({plan.real("lower"), plan.real("upper"), plan.real("low"), plan.real("high")});
  const Layout from = plan.layout(0), to = plan.layout(1);
  const bool dense = plan.dense(0) && plan.dense(1);
  cormack::dispatch(plan.image(0).dtype, [&](auto s) {
    cormack::dispatch(plan.image(1).dtype, [&](auto d) {
      using S = decltype(s);
      using D = decltype(d);
      const Dim grid = Plan::blocks_for(from.size(), 256, 1 << 16);
      plan.launch(CORMACK_KERNEL(linear_map, S, D), grid, Dim{256}, 0, plan.data<S>(0), from, plan.data<D>(1), to,
                  dense, formula);
    });
  });
}
