#include "features/texture_plan.hpp"
#if defined(CORMACK_SEES_KERNELS)
#include "features/texture_zones.cuh"
#endif

// Images: the levels of all regions, as int16; the regions that edges belong to, as uint8, or the levels again; then as
// bytes the tables of sizes and of distances and the list of large zones. Table: the regions, see texture_boxes.
// Parameters: per_slice, distances, region.
CORMACK_PLAN(texture_zones) {
  const bool per_slice = plan.integer("per_slice") != 0, with_distances = plan.integer("distances") != 0;
  const auto boxes = texture_boxes(
      plan.table<long long>(0), per_slice,
      [](const TextureBox& box) { return static_cast<long long>(box.levels) * kSmallZone; },
      [&](const TextureBox& box) { return static_cast<long long>(box.levels) * box.deepest(!per_slice); });
  const auto [parts, chunk] = texture_parts(boxes, voxels_of);
  long long voxels = 0, cells = 0, others = 0;
  for (const TextureBox& box : boxes) {
    voxels = std::max(voxels, box.at + box.size());
    cells += static_cast<long long>(box.levels) * kSmallZone;
    others += static_cast<long long>(box.levels) * box.deepest(!per_slice);
  }
  const auto levels = plan.data<unsigned short>(0);
  const auto sizes = plan.data<unsigned>(2), by_distance = plan.data<unsigned>(3), large = plan.data<unsigned>(4);
  plan.fill(sizes, cells, 0u);
  if (with_distances) plan.fill(by_distance, others, 0u);
  plan.fill(large, 1, 0u);
  if (parts.empty()) return;
  const Dim grid{static_cast<unsigned>(parts.size())}, block{256};
  const auto boxes_at = plan.constant(boxes);
  const auto parts_at = plan.constant(parts);
  const auto parent = plan.scratch<unsigned>(voxels), size = plan.scratch<unsigned>(voxels);
  const auto nearest = plan.scratch<unsigned>(voxels);
  const auto distances = plan.scratch<unsigned short>(with_distances ? voxels : 1);
  plan.launch(CORMACK_KERNEL(zone_start), grid, block, 0, boxes_at, parts_at, chunk, parent, size, nearest);
  if (per_slice) {
    plan.launch(CORMACK_KERNEL(zone_join, false), grid, block, 0, levels, boxes_at, parts_at, chunk, parent);
  } else {
    plan.launch(CORMACK_KERNEL(zone_join, true), grid, block, 0, levels, boxes_at, parts_at, chunk, parent);
  }
  if (!with_distances) {
    plan.launch(CORMACK_KERNEL(zone_measure, false), grid, block, 0, levels, distances, boxes_at, parts_at, chunk,
                parent, size, nearest);
    plan.launch(CORMACK_KERNEL(zone_count, false), grid, block, 0, levels, boxes_at, parts_at, chunk, !per_slice,
                parent, size, nearest, sizes, by_distance, large);
    return;
  }
  const bool has_region = plan.integer("region") != 0;
  const auto region = plan.data<unsigned char>(1);
  const auto along = [&](const auto& kernel, auto length) {
    const auto [lines, each] = texture_parts(boxes, [&](const TextureBox& box) { return box.size() / length(box); });
    plan.launch(kernel, Dim{static_cast<unsigned>(lines.size())}, block, 0, levels, region, has_region, boxes_at,
                plan.constant(lines), each, distances);
  };
  along(CORMACK_KERNEL(edge_distances, 2), [](const TextureBox& box) { return box.width; });
  along(CORMACK_KERNEL(edge_distances, 1), [](const TextureBox& box) { return box.height; });
  if (!per_slice) along(CORMACK_KERNEL(edge_distances, 0), [](const TextureBox& box) { return box.depth; });
  plan.launch(CORMACK_KERNEL(zone_measure, true), grid, block, 0, levels, distances, boxes_at, parts_at, chunk, parent,
              size, nearest);
  plan.launch(CORMACK_KERNEL(zone_count, true), grid, block, 0, levels, boxes_at, parts_at, chunk, !per_slice, parent,
              size, nearest, sizes, by_distance, large);
}
