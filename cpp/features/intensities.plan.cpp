#include <algorithm>

#include "cuda/plan.hpp"
#include "features/level_formula.hpp"
#include "features/texture_box.cuh"
#if defined(CORMACK_SEES_KERNELS)
#include "features/intensities.cuh"
#endif

// Images: the image, a mask of uint8 or bool (any image where `masked` is 0), the result as bytes. Parameters: kind,
// and `blocks`, for each of which there is a result. 0: range. 1: moments; mean, median, low, high. 2: deviation;
// center, low, high. 3: counts; shift, size; table of firsts. 4: grey levels, as int32 without gaps; level.
CORMACK_PLAN(intensities) {
  const Layout from = plan.layout(0);
  IntensityMask mask{};
  mask.given = plan.integer("masked") != 0;
  mask.layout = plan.layout(1);
  const auto inside = plan.data<unsigned char>(1);
  const long long kind = plan.integer("kind");
  const Dim grid{static_cast<unsigned>(plan.integer("blocks"))}, block{32, 8};
  constexpr unsigned sums = 256 * sizeof(double);
  cormack::dispatch(plan.image(0).dtype, [&](auto t) {
    using T = decltype(t);
    const auto image = plan.data<T>(0);
    const auto result = plan.data<double>(2);
    if (kind == 0) {
      plan.launch(CORMACK_KERNEL(intensity_range, T), grid, block, sums, image, from, inside, mask, result);
    } else if (kind == 1) {
      plan.launch(CORMACK_KERNEL(intensity_moments, T), grid, block, sums, image, from, inside, mask, plan.real("mean"),
                  plan.real("median"), plan.real("low"), plan.real("high"), result);
    } else if (kind == 2) {
      plan.launch(CORMACK_KERNEL(intensity_deviation, T), grid, block, sums, image, from, inside, mask,
                  plan.real("center"), plan.real("low"), plan.real("high"), result);
    } else if (kind == 4) {
      const auto rule = plan.reals("level");
      const Dim rows = Plan::blocks_for(static_cast<long long>(from.depth) * from.height, 8);
      plan.launch(CORMACK_KERNEL(grey_levels, T), rows, block, 0, image, from, inside, mask,
                  cormack::LevelOf{rule[0], rule[1], rule[2], rule[3]}, plan.data<int>(2));
    } else {
      const auto firsts = plan.table<unsigned long long>(0);
      const int prefixes = static_cast<int>(firsts.size()), size = static_cast<int>(plan.integer("size"));
      const int shift = static_cast<int>(plan.integer("shift"));
      const long long cells = static_cast<long long>(prefixes) * size;
      const auto counts = plan.data<unsigned>(2);
      plan.fill(counts, cells, 0u);
      const auto launch = [&](const auto& kernel, unsigned shared) {
        plan.launch(kernel, grid, block, shared, image, from, inside, mask, plan.constant(firsts), prefixes, shift,
                    size, counts);
      };
      if (cells * 4 <= Plan::kMostShared)
        launch(CORMACK_KERNEL(intensity_counts, T, true), static_cast<unsigned>(cells * 4));
      else launch(CORMACK_KERNEL(intensity_counts, T, false), 0);
    }
  });
}
