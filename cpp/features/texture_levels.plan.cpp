#include "cuda/plan.hpp"
#include "features/texture_box.cuh"
#if defined(CORMACK_SEES_KERNELS)
#include "features/texture_levels.cuh"
#endif

// Parameter kind, 0: images source, mask as uint8 without gaps. 1: images levels, mask, region of edges, range as
// bytes. 2: images levels, mask, region, levels packed as int16, region packed; parameter box: begin and extents. Masks
// are of uint8 or bool; has_inside, has_region: whether there are any, else any image stands for them.
// 3: images source, target without gaps; parameter box. 4: images labels, boxes as bytes; parameters first, count.
CORMACK_PLAN(texture_levels) {
  const Dim block{32, 8};
  const auto blocks = [](long long depth, long long height) { return Plan::blocks_for(depth * height, 8, 1 << 12); };
  const Layout from = plan.layout(0);
  const long long kind = plan.integer("kind");
  const auto over_types = [&](const auto& f) {
    cormack::dispatch(plan.image(0).dtype, [&](auto t) {
      if constexpr (Limits<decltype(t)>::integer) f(t);
      else throw Unsupported("masks and levels are integers");
    });
  };
  if (kind == 0) {
    const Dim grid = blocks(from.depth, from.height);
    over_types([&](auto t) {
      using T = decltype(t);
      plan.launch(CORMACK_KERNEL(nonzero_mask, T), grid, block, 0, plan.data<T>(0), from, plan.data<unsigned char>(1));
    });
    return;
  }
  if (kind == 3) {
    const auto box = plan.integers("box");
    int at[6];
    for (std::size_t i = 0; i < 6; ++i) at[i] = static_cast<int>(box[i]);
    cormack::dispatch(plan.image(0).dtype, [&](auto t) {
      using T = decltype(t);
      plan.launch(CORMACK_KERNEL(packed_box, T), blocks(at[3], at[4]), block, 0, plan.data<T>(0), from, at[0], at[1],
                  at[2], at[3], at[4], at[5], plan.data<T>(1));
    });
    return;
  }
  if (kind == 4) {
    const int count = static_cast<int>(plan.integer("count"));
    const long long first = plan.integer("first");
    plan.fill(plan.data<int>(1), 6ll * count, -2147483647);
    over_types([&](auto t) {
      using T = decltype(t);
      plan.launch(CORMACK_KERNEL(label_boxes, T), blocks(from.depth, from.height), block, 0, plan.data<T>(0), from,
                  first, count, plan.data<int>(1));
    });
    return;
  }
  LevelMasks masks{};
  masks.has_inside = plan.integer("has_inside") != 0;
  masks.has_region = plan.integer("has_region") != 0;
  masks.inside = plan.layout(1);
  masks.region = plan.layout(2);
  const auto inside = plan.data<unsigned char>(1), region = plan.data<unsigned char>(2);
  if (kind == 1) {
    const auto range = plan.data<long long>(3);
    plan.fill(range, 8, -(1ll << 62));
    const Dim grid = blocks(from.depth, from.height);
    over_types([&](auto t) {
      using T = decltype(t);
      plan.launch(CORMACK_KERNEL(level_range, T), grid, block, 8 * sizeof(long long), plan.data<T>(0), from, inside,
                  region, masks, range);
    });
    return;
  }
  const auto box = plan.integers("box");
  int at[6];
  for (std::size_t i = 0; i < 6; ++i) at[i] = static_cast<int>(box[i]);
  const Dim grid = blocks(at[3], at[4]);
  over_types([&](auto t) {
    using T = decltype(t);
    plan.launch(CORMACK_KERNEL(pack_levels, T), grid, block, 0, plan.data<T>(0), from, inside, region, masks, at[0],
                at[1], at[2], at[3], at[4], at[5], plan.data<unsigned short>(3), plan.data<unsigned char>(4));
  });
}
