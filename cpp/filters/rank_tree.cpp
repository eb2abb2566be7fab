#include "filters/rank_tree.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/parallel.hpp"
#include "core/saturate.hpp"
#include "core/scratch.hpp"
#include "core/unit_rows.hpp"
#include "filters/rank_tree_plan.hpp"

namespace cormack {
namespace {

// Both with unit rows.
template <class T>
void run(View<const T> src, View<T> dst, const RankWindow& window, const TreePlan& planned, Context context) {
  const TreePlanView plan = planned.view();
  const RankTreeRows& kernels = rank_tree_rows();
  const RunTree<T> run_tree = kernels.run.get<T>();
  const auto [depth, height, width] = dst.shape;
  const std::int64_t slices = plan.planes.tile, planes = window.size[0] + slices - 1;
  const std::int64_t lanes = kernels.vector_bytes / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t strips = (width + lanes - 1) / lanes;
  // A band's first rows are sorted for nothing.
  const std::int64_t tile = plan.rows.tile, wanted = std::max<std::int64_t>(64, 8 * window.size[1]);
  const std::int64_t band = (std::min(wanted, height) + tile - 1) / tile * tile;
  const std::int64_t bands = (height + band - 1) / band, table = (band + window.size[1] - 1) * planes;
  const T cval = saturate<T>(window.cval);
  const std::vector<T> constant(static_cast<std::size_t>(window.border == Border::constant ? width : 0), cval);
  const double work = planned.cost() * static_cast<double>(band * slices);
  const std::int64_t grain = std::max<std::int64_t>(1, static_cast<std::int64_t>(1e6 / work));

  parallel_for((depth + slices - 1) / slices * bands * strips, grain, context.workers,
               [&](std::int64_t begin, std::int64_t end) {
                 const Scratch<std::uint8_t> arena(plan.vectors * kernels.vector_bytes);
                 const Scratch<const T*> rows(table);
                 std::vector<T*> out(static_cast<std::size_t>(slices));
                 std::int64_t filled = -1;
                 for (std::int64_t item = begin; item < end; ++item) {
                   const std::int64_t part = item / strips, z = part / bands * slices, y = part % bands * band;
                   if (part != filled) {
                     for (std::int64_t i = 0; i < table; ++i) {
                       const std::int64_t from_z = border_index(z + window.first(0) + i % planes, depth, window.border);
                       const std::int64_t from_y =
                           border_index(y + window.first(1) + i / planes, height, window.border);
                       rows[i] = from_z < 0 || from_y < 0 ? constant.data() : src.row(from_z, from_y);
                     }
                     for (std::int64_t s = 0; s < slices; ++s)
                       out[static_cast<std::size_t>(s)] = z + s < depth ? dst.row(z + s, y) : nullptr;
                     filled = part;
                   }
                   TreeStrip<T> strip{};
                   strip.rows = rows.data();
                   strip.out = out.data();
                   strip.out_stride = dst.stride[1];
                   strip.height = std::min(band, height - y);
                   strip.width = width;
                   // The last strip overlaps the one before it rather than being narrower.
                   strip.x = std::max<std::int64_t>(0, std::min(item % strips * lanes, width - lanes));
                   strip.skip = item % strips * lanes - strip.x;
                   strip.first = window.first(2);
                   strip.border = window.border;
                   strip.cval = cval;
                   strip.arena = arena.data();
                   run_tree(plan, strip);
                 }
               });
}

}  // namespace

namespace cpu {

bool has_rank_tree(const RankWindow& window) {
  constexpr std::int64_t kWidest = 256, kMostValues = 32768;
  const auto [z, y, x] = window.size;
  return window.footprint == nullptr && x <= kWidest && z <= kWidest && y <= kWidest && z * y * x <= kMostValues;
}

void rank_tree(const Image& src, const Image& dst, const RankWindow& window, std::int64_t rank, Context context) {
  if (dst.size() == 0) return;
  Image in = src, out = dst;
  RankWindow box = window;
  // Windows share more along y, where only the wanted rank is kept.
  if (box.size[1] == 1) {
    for (Image* image : {&in, &out}) {
      std::swap(image->shape[0], image->shape[1]);
      std::swap(image->stride[0], image->stride[1]);
    }
    std::swap(box.size[0], box.size[1]);
    std::swap(box.origin[0], box.origin[1]);
  }
  std::int32_t size[3];
  for (int axis = 0; axis < 3; ++axis) size[axis] = static_cast<std::int32_t>(box.size[axis]);
  const TreePlan plan(size, static_cast<std::int32_t>(rank));
  dispatch(in.dtype, [&](auto pixel) {
    using T = decltype(pixel);
    with_unit_rows<T>(in.view<const T>(), out.view<T>(), context.workers,
                      [&](View<const T> from, View<T> to) { run<T>(from, to, box, plan, context); });
  });
}

}  // namespace cpu
}  // namespace cormack
