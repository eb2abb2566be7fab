#include <algorithm>

#include "enhance/reductions_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "enhance/value_counts.cuh"
#endif

// Images: source (integers), counts (int64), and a mask if there is one. Parameters: first (the value that counts[0]
// counts), size.
CORMACK_PLAN(value_counts) {
  const auto [mask, mask_from, from, dense] = masked(plan, 2);
  const long long first = plan.integer("first");
  const int size = static_cast<int>(plan.integer("size"));
  constexpr int most = 12288, most_windows = 6;
  const int window = std::min(size, most), windows = (size + most - 1) / most;
  const int copies = std::clamp(most / window, 1, 8);
  const auto counts = plan.data<unsigned long long>(1);
  plan.fill(counts, size, 0ull);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    if constexpr (std::is_integral_v<T>) {
      // Few blocks, since each adds all of its counters in the end; but no counter may overflow.
      Dim grid = Plan::blocks_for(from.size(), 256 * 64, 1056);
      grid.y = static_cast<unsigned>(windows);
      if (windows > most_windows)
        plan.launch(CORMACK_KERNEL(value_counts_wide, T), Plan::blocks_for(from.size(), 256 * 8, 1 << 14), Dim{256}, 0,
                    plan.data<T>(0), mask, mask_from, from, dense, first, size, counts);
      else
        plan.launch(CORMACK_KERNEL(value_counts, T), grid, Dim{256},
                    static_cast<unsigned>(copies * window) * unsigned{sizeof(unsigned)}, plan.data<T>(0), mask,
                    mask_from, from, dense, first, size, window, copies, counts);
    } else {
      throw std::invalid_argument("value_counts: the image must have an integer dtype");
    }
  });
}
