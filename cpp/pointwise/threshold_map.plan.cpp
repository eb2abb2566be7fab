#include "cuda/plan.hpp"
#include "pointwise/threshold_formula.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "pointwise/threshold_map.cuh"
#endif

// Images: source, and a target of its dtype or bool. Parameters: lower, upper, values (inside, below, above; NaN keeps
// what is there), softness.
CORMACK_PLAN(threshold_map) {
  const std::vector<double> values = plan.reals("values");
  const cormack::ThresholdFormula formula = cormack::threshold_formula(
      {plan.real("lower"), plan.real("upper"), values.at(0), values.at(1), values.at(2), plan.real("softness")});
  const Layout from = plan.layout(0), to = plan.layout(1);
  const bool dense = plan.dense(0) && plan.dense(1);
  const Dim grid = Plan::blocks_for(from.size(), 256, 1 << 16);
  const bool mask = plan.image(1).dtype == DType::boolean;
  if (!mask && plan.image(1).dtype != plan.image(0).dtype) throw std::invalid_argument("threshold_map: dtypes differ");
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    if (mask)
      plan.launch(CORMACK_KERNEL(threshold_map, T, unsigned char), grid, Dim{256}, 0, plan.data<T>(0), from,
                  plan.data<unsigned char>(1), to, dense, formula);
    else
      plan.launch(CORMACK_KERNEL(threshold_map, T, T), grid, Dim{256}, 0, plan.data<T>(0), from, plan.data<T>(1), to,
                  dense, formula);
  });
}
