#include <algorithm>
#include <array>

#include "cuda/plan.hpp"
#include "filters/keys.hpp"
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
  const long long n = size[axes[1]];
  if (size[axes[2]] != n || (!flat && size[axes[0]] != n) || (n != 3 && n != 5 && !(n == 7 && flat)))
    throw Unsupported("windows are of 3, 5 or 7 pixels squared or of 3 or 5 voxels cubed");
  Window window{{}, static_cast<cormack::Border>(plan.integer("border"))};
  for (std::size_t i = 0; i < 3; ++i) window.first[i] = static_cast<int>(-(size[axes[i]] / 2) - origin[axes[i]]);
  const Layout from = plan.layout(0, axes), to = plan.layout(1, axes);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using K = typename Key<T>::Type;
    const T cval = saturated<T>(plan.real("cval"));
    const Dim block{32, 8};
    // Long marches share more planes, short ones make more blocks.
    const int steps = from.depth < 64 ? 8 : 16;
    const auto columns = static_cast<unsigned>((32 + n - 1) * 8 * n) * unsigned{sizeof(K)};
    Dim grid{Plan::parts(from.width, 32), Plan::parts(from.height, 8)};
    if (flat) {
      grid.z = static_cast<unsigned>(std::min(from.depth, 65535));
      const auto launch = [&](const auto& kernel, unsigned shared) {
        plan.launch(kernel, grid, block, shared, plan.data<T>(0), from, plan.data<T>(1), to, window, cval);
      };
      if (n == 3) launch(CORMACK_KERNEL(median_3x3, T), 0);
      else if (n == 5) launch(CORMACK_KERNEL(median_flat, T, 5), columns);
      else launch(CORMACK_KERNEL(median_flat, T, 7), columns);
    } else if (n == 5) {
      grid.z = Plan::parts(from.depth, steps);
      if constexpr (sizeof(K) > 4) throw Unsupported("float64 has windows of 5 voxels cubed in rank_filter alone");
      else
        plan.launch(CORMACK_KERNEL(median_5x5x5, T), grid, block, 6 * columns, plan.data<T>(0), from, plan.data<T>(1),
                    to, window, cval, steps);
    } else {
      grid.z = Plan::parts(from.depth, steps);
      plan.launch(CORMACK_KERNEL(median_3x3x3, T), grid, block, 0, plan.data<T>(0), from, plan.data<T>(1), to, window,
                  cval, steps);
    }
  });
}
