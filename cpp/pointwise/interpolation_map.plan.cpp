#include "cuda/plan.hpp"
#include "pointwise/interpolation_knots.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "pointwise/interpolation_map.cuh"
#endif

// Images: source, target, both float32 or both float64. Tables: x and y of the knots (float64).
CORMACK_PLAN(interpolation_map) {
  const Layout from = plan.layout(0), to = plan.layout(1);
  const std::vector<double> x = plan.table<double>(0), y = plan.table<double>(1);
  const int count = static_cast<int>(x.size());
  const auto length = static_cast<std::ptrdiff_t>(count);
  std::vector<double> knots(5 * x.size());
  std::copy(x.begin(), x.end(), knots.begin());
  std::copy(y.begin(), y.end(), knots.begin() + length);
  double* const rest = knots.data() + 2 * length;
  const double inverse = cormack::prepare_knots(x.data(), y.data(), count, rest, rest + length, rest + 2 * length);
  const auto on = [&](auto pixel) {
    using T = decltype(pixel);
    plan.launch(CORMACK_KERNEL(interpolation_map, T), Plan::blocks_for(from.size(), 256, 1 << 16), Dim{256}, 0,
                plan.data<T>(0), from, plan.data<T>(1), to, plan.dense(0) && plan.dense(1), plan.constant(knots), count,
                inverse);
  };
  if (plan.image(0).dtype == cormack::DType::f32) on(0.0f);
  else if (plan.image(0).dtype == cormack::DType::f64) on(0.0);
  else throw Unsupported("images are float32 or float64 here");
}
