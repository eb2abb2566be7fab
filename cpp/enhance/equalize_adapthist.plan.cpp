#include <algorithm>

#include "cuda/plan.hpp"
#include "enhance/equalize_adapthist_tiles.hpp"
#include "enhance/tile_axis.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "enhance/equalize_adapthist.cuh"
#endif

// Images: source, target, and a mask if there is one. Parameters: kernel (z, y, x), bins, clip_limit, range (lower,
// upper, low, high).
CORMACK_PLAN(equalize_adapthist) {
  const Layout from = plan.layout(0), to = plan.layout(1);
  const bool masked = plan.image_count() > 2;
  const auto mask = masked ? plan.data<unsigned char>(2) : Pointer<unsigned char>{};
  const Layout mask_from = masked ? plan.layout(2) : from;
  const std::vector<long long> kernel = plan.integers("kernel");
  const std::vector<double> range = plan.reals("range");
  const auto bins = static_cast<int>(plan.integer("bins"));
  constexpr int most = static_cast<int>(Plan::kMostShared / sizeof(unsigned));
  if (bins > most) throw Unsupported("`nbins` is at most 12288");
  const int joined = 1 + cormack::LevelFormula::kLevels / bins;
  const double width = range.at(1) > range.at(0) ? range.at(1) - range.at(0) : 1.0;
  const TileBins how{
      {range.at(0), range.at(1), width, 1.0 / joined},  plan.real("clip_limit"), range.at(2), range.at(3), bins,
      (cormack::LevelFormula::kLevels - 1) / joined + 1};
  TileGrid grid{};
  std::vector<int> tails;
  for (std::size_t k = 0; k < 3; ++k) {
    const TileAxis axis(plan.image(0).shape[k], kernel.at(k));
    grid.length[k] = static_cast<int>(axis.length);
    grid.kernel[k] = static_cast<int>(axis.kernel);
    grid.tiles[k] = static_cast<int>(axis.tiles);
    const auto members = axis.members(axis.tiles - 1, axis.reflected());
    grid.tail[k] = static_cast<int>(members.size());
    grid.tail_at[k] = static_cast<int>(tails.size() / 2);
    for (const TileAxis::Member& member : members)
      tails.insert(tails.end(), {static_cast<int>(member.index), static_cast<int>(member.times)});
  }
  if (grid.count() * how.used > (1ll << 30)) throw Unsupported("maps of all tiles have at most 2^30 entries");
  if (static_cast<double>(grid.kernel[0]) * grid.kernel[1] * grid.kernel[2] >= 0x1p32)
    throw Unsupported("tiles have fewer than 2^32 voxels");
  const auto filled = plan.scratch<unsigned char>(grid.count());
  const Dim tiles = Plan::blocks_for(grid.count(), 1);
  const int copies = std::clamp(most / 4 / bins, 1, 8);
  // Few rows a thread, so that the weights along x, which it keeps, count for little.
  const Dim blocks{Plan::parts(from.width, 32), std::clamp(Plan::parts(from.height, 32), 1u, 65535u),
                   static_cast<unsigned>(std::clamp(from.depth, 1, 65535))};
  cormack::dispatch(plan.image(0).dtype, [&](auto pixel) {
    using T = decltype(pixel);
    using F = std::conditional_t<(sizeof(T) <= 2 || std::is_same_v<T, float>), float, double>;
    const auto maps = plan.scratch<F>(grid.count() * how.used);
    plan.launch(CORMACK_KERNEL(adapthist_maps, T), tiles, Dim{512}, static_cast<unsigned>(copies * bins) * 4u,
                plan.data<T>(0), from, mask, mask_from, grid, plan.constant(tails), how, copies, maps, filled);
    if (masked || std::is_floating_point_v<T>)
      plan.launch(CORMACK_KERNEL(adapthist_fill, F), tiles, Dim{128}, 0, grid, how.used, filled, maps);
    plan.launch(CORMACK_KERNEL(adapthist_apply, T), blocks, Dim{32, 8}, 0, plan.data<T>(0), from, mask, mask_from,
                plan.data<T>(1), to, grid, how, maps);
  });
}
