#include "cuda/plan.hpp"
#include "features/region_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "features/mask_shape.cuh"
#endif

// Images: packed masks of uint8 or bool; as bytes the counts of patterns and the sums, 266 of each region, and the ends
// of rows. Table: the regions, see region_boxes; the rows of each begin at `nodes`.
CORMACK_PLAN(mask_shape) {
  const auto boxes = region_boxes(plan.table<long long>(0));
  const auto mask = plan.data<unsigned char>(0);
  const auto counts = plan.data<unsigned long long>(1);
  const auto boxes_at = plan.constant(boxes);
  plan.fill(counts, 266 * static_cast<long long>(boxes.size()), 0ull);
  const auto [cells, chunk] = texture_parts(boxes, [](const RegionBox& box) {
    return (box.extent[0] + 1ll) * (box.extent[1] + 1ll) * (box.extent[2] + 1ll);
  });
  if (cells.empty()) return;
  plan.launch(CORMACK_KERNEL(corner_patterns, 0), Dim{static_cast<unsigned>(cells.size())}, Dim{256},
              256 * sizeof(unsigned), mask, boxes_at, plan.constant(cells), chunk, counts);
  constexpr int each = 64;
  const auto rows =
      parts_of(boxes, [](const RegionBox& box) { return static_cast<long long>(box.extent[0]) * box.extent[1]; }, each);
  plan.launch(CORMACK_KERNEL(mask_rows, 0), Dim{static_cast<unsigned>(rows.size())}, Dim{32, 8}, 0, mask, boxes_at,
              plan.constant(rows), each, plan.data<int>(2), counts);
}
