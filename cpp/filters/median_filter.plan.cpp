#include <algorithm>
#include <array>

#include "cuda/plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/median_filter.cuh"
#endif

// Images: source, target of one dtype. Parameters: size and origin (z, y, x), border, cval.
CORMACK_PLAN(median_filter) {
  const auto size = plan.integers("size"), origin = plan.integers("origin");
  // A flat window may lie in any plane: the axis that it does not reach along comes first.
  std::array<std::size_t, 3> axes{0, 1, 2};
  if (size[0] != 1 && size[1] == 1) axes = {1, 0, 2};
  if (size[0] != 1 && size[2] == 1) axes = {2, 0, 1};
  const bool flat = size[axes[0]] == 1;
  if (size[axes[1]] != 3 || size[axes[2]] != 3 || (!flat && size[axes[0]] != 3))
    throw Unsupported("windows are of 3 x 3 pixels or 3 x 3 x 3 voxels");
  Window window{{}, static_cast<cormack::Border>(plan.integer("border"))};
  for (std::size_t i = 0; i < 3; ++i) window.first[i] = static_cast<int>(-(size[axes[i]] / 2) - origin[axes[i]]);
  const Layout from = plan.layout(0, axes), to = plan.layout(1, axes);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    const T cval = saturated<T>(plan.real("cval"));
    const Dim block{32, 8};
    Dim grid{Plan::parts(from.width, 32), Plan::parts(from.height, 8)};
    if (flat) {
      grid.z = static_cast<unsigned>(std::min(from.depth, 65535));
      plan.launch(CORMACK_KERNEL(median_3x3, T), grid, block, 0, plan.data<T>(0), from, plan.data<T>(1), to, window,
                  cval);
    } else {
      // Long marches share more planes, short ones make more blocks.
      const int steps = from.depth < 64 ? 8 : 16;
      grid.z = Plan::parts(from.depth, steps);
      plan.launch(CORMACK_KERNEL(median_3x3x3, T), grid, block, 0, plan.data<T>(0), from, plan.data<T>(1), to, window,
                  cval, steps);
    }
  });
}
