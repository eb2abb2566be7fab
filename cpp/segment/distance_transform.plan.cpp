#include <algorithm>

#include "cuda/plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "segment/distance_transform.cuh"
#endif

// Images: mask, distances (float32 or float64). Parameters: spacing of z, y, x.
CORMACK_PLAN(distance_transform) {
  const auto spacing = plan.reals("spacing");
  const cormack::Image& mask = plan.image(0);
  if (*std::max_element(mask.shape.begin(), mask.shape.end()) >= 1 << 30)
    throw Unsupported("an axis has less than 2^30 voxels");
  // In units of the longest voxel edge, as on the CPU.
  double scale = 0;
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (mask.shape[axis] > 1) scale = std::max(scale, spacing.at(axis));
  if (scale == 0) scale = 1;
  std::array<double, 3> weights{1, 1, 1};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double ratio = spacing[axis] / scale;
    if (mask.shape[axis] > 1) weights[axis] = ratio * ratio;
  }
  const long long count = plan.layout(0).size();
  const auto along_x = plan.scratch<int>(count);
  cormack::dispatch(mask.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    plan.launch(CORMACK_KERNEL(distances_along_rows, T),
                Plan::blocks_for(32 * mask.shape[0] * mask.shape[1], 256, 1 << 20), Dim{256}, 0, plan.data<T>(0),
                plan.layout(0), along_x);
  });
  const std::int64_t plane = mask.shape[1] * mask.shape[2];
  const auto depth = static_cast<int>(mask.shape[0]), height = static_cast<int>(mask.shape[1]),
             width = static_cast<int>(mask.shape[2]);
  const Layout y_first{width, plane, 1, height, depth, width, 0}, z_first{plane, width, 1, depth, height, width, 0};
  const auto add = [&]<class Out>(Out) {
    const Dim grid = Plan::blocks_for(count, 256, 1 << 20);
    const auto target = plan.data<Out>(1);
    if (depth == 1) {
      plan.launch(CORMACK_KERNEL(distances_along_axis, int, Out), grid, Dim{256}, 0, along_x, y_first, target,
                  plan.layout(1, {1, 0, 2}), weights[2], weights[1], scale, 1);
      return;
    }
    const auto squares = plan.scratch<Out>(count);
    plan.launch(CORMACK_KERNEL(distances_along_axis, int, Out), grid, Dim{256}, 0, along_x, y_first, squares, y_first,
                weights[2], weights[1], scale, 0);
    plan.launch(CORMACK_KERNEL(distances_along_axis, Out, Out), grid, Dim{256}, 0, squares, z_first, target,
                plan.layout(1), 1.0, weights[0], scale, 1);
  };
  if (plan.image(1).dtype == cormack::DType::f32) add(0.0f);
  else add(0.0);
}
