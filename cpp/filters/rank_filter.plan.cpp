#include <algorithm>

#include "cuda/plan.hpp"
#include "filters/keys.hpp"
#include "filters/rank_window.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "filters/rank_filter.cuh"
#endif

// Images: source, target of one dtype. Parameters: size and origin (z, y, x), border, cval, rank (from 0). Table, if
// not all places of the box take part: which do, as bytes.
CORMACK_PLAN(rank_filter) {
  const auto size = plan.integers("size"), origin = plan.integers("origin");
  RankBox box{};
  long long count = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    box.size[axis] = static_cast<int>(size.at(axis));
    box.first[axis] = static_cast<int>(-(size[axis] / 2) - origin.at(axis));
    count *= size[axis];
  }
  const auto places = plan.table<unsigned char>(0);
  std::vector<WindowRun> runs;
  if (!places.empty()) {
    if (static_cast<long long>(places.size()) != count)
      throw std::invalid_argument("rank_filter: the footprint does not fit its box");
    count = std::count_if(places.begin(), places.end(), [](unsigned char place) { return place != 0; });
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (!places[i]) continue;
      const auto width = static_cast<std::size_t>(size[2]), height = static_cast<std::size_t>(size[1]);
      const std::size_t x = i % width;
      if (x > 0 && places[i - 1]) ++runs.back().count;
      else
        runs.push_back(
            {static_cast<int>(i / width / height), static_cast<int>(i / width % height), static_cast<int>(x), 1});
    }
    box.runs = static_cast<int>(runs.size());
  }
  box.border = static_cast<cormack::Border>(plan.integer("border"));
  box.rank = static_cast<int>(plan.integer("rank"));
  if (box.rank < 0 || box.rank >= count || count > 1 << 30)
    throw std::invalid_argument("rank_filter: the rank is that of no value of the window");
  box.extreme = box.rank == 0 ? -1 : box.rank == count - 1 ? 1 : 0;
  const Layout from = plan.layout(0), to = plan.layout(1);
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using K = typename Key<T>::Type;
    const long long bytes = size[0] * (8 + size[1] - 1) * (32 + size[2] - 1) * static_cast<long long>(sizeof(K));
    box.in_shared = bytes <= Plan::kMostShared;
    box.steps = size[0] == 1 ? 1 : static_cast<int>(std::max<long long>(8, 2 * size[0]));
    while (Plan::parts(from.depth, box.steps) > 65535) box.steps *= 2;
    const Dim grid{Plan::parts(from.width, 32), Plan::parts(from.height, 8), Plan::parts(from.depth, box.steps)};
    const unsigned shared = box.in_shared ? static_cast<unsigned>(bytes) : 0u;
    const K outside = Key<T>::of(saturated<T>(plan.real("cval")));
    if (runs.empty())
      plan.launch(CORMACK_KERNEL(rank_select, T), grid, Dim{32, 8}, shared, plan.data<T>(0), from, plan.data<T>(1), to,
                  box, outside);
    else
      plan.launch(CORMACK_KERNEL(rank_of_places, T), grid, Dim{32, 8}, shared, plan.data<T>(0), from, plan.data<T>(1),
                  to, box, outside, plan.constant(runs));
  });
}
