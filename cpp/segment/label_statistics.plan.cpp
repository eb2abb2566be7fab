#include <algorithm>

#include "cuda/plan.hpp"
#include "segment/fixed_point.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "segment/label_statistics.cuh"
#endif

// Images: labels (int32, below `count`), and of every number below `count`, as bytes: 16 uint64 sums, 6 int32 of its
// box, 2 uint64 keys of its extremes; then values if there are some. Parameters: count, fixed (scale, finer), unit (the
// inverse of what deviations are measured in), squares (scale, finer).
CORMACK_PLAN(label_statistics) {
  const Layout from = plan.layout(0);
  const bool valued = plan.image_count() > 4;
  const Layout values_from = valued ? plan.layout(4) : from;
  const long long count = plan.integer("count");
  const auto sums = plan.data<unsigned long long>(1), keys = plan.data<unsigned long long>(3);
  const auto boxes = plan.data<int>(2);
  const std::vector<double> fixed = plan.reals("fixed"), squares = plan.reals("squares");
  const FixedPoint point{fixed.at(0), fixed.at(1)}, square_point{squares.at(0), squares.at(1)};
  // Sums of squared coordinates have 64 bits.
  const auto longest = static_cast<double>(std::max({from.depth, from.height, from.width}));
  if (static_cast<double>(from.size()) * longest * longest > 9e18) throw Unsupported("the image is too large");
  plan.launch(CORMACK_KERNEL(clear_objects), Plan::blocks_for(count, 256, 1 << 16), Dim{256}, 0, count, sums, boxes,
              keys);
  const Dim grid{Plan::parts(from.width, 32), Plan::parts(from.height, 128),
                 static_cast<unsigned>(std::clamp(from.depth, 1, 65535))};
  const auto run = [&](auto pixel, bool with_values) {
    using T = decltype(pixel);
    const auto values = with_values ? plan.data<T>(4) : Pointer<T>{};
    plan.launch(CORMACK_KERNEL(label_sums, T), grid, Dim{32, 4}, 0, plan.data<int>(0), from, values, values_from, point,
                sums, boxes, keys);
    if constexpr (std::is_floating_point_v<T>)
      plan.launch(CORMACK_KERNEL(label_deviations, T), grid, Dim{32, 4}, 0, plan.data<int>(0), from, values,
                  values_from, point, plan.real("unit"), square_point, sums);
  };
  if (valued) cormack::dispatch(plan.image(4).dtype, [&](auto pixel) { run(pixel, true); });
  else run(static_cast<unsigned char>(0), false);
}
