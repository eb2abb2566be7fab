#include "filters/rank_tree_plan.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <limits>
#include <set>

namespace cormack {
namespace {

constexpr std::int32_t kChunk = 8;
// A pass's own cost, and the second-level cache's size, as numbers of vectors.
constexpr double kPassCost = 8;
constexpr std::int32_t kCache = 12288;
// What a thread may use at most, unless no plan uses less.
constexpr std::int32_t kMostVectors = 393216;

std::int32_t power_of_two(std::int32_t n) {
  return static_cast<std::int32_t>(std::bit_ceil(static_cast<std::uint32_t>(n)));
}

// Operations per column of a network of `radix` rows of which `rows` exist, stores included.
double column_cost(std::int32_t radix, std::int32_t rows) {
  double cost = rows;
  for (std::int32_t step = radix / 2; step > 0; step /= 2) {
    for (std::int32_t i = 0; i + step < rows; ++i) cost += (i & step) == 0 ? 2 : 0;
  }
  return cost;
}

// Exchanges of network::sort for 1 to 8 values.
constexpr double kSort[] = {0, 0, 1, 3, 5, 9, 12, 16, 19};

std::int32_t start_of_shifted(const MergeTree& tree, int level) { return (tree.lists + 1) % (1 << level); }

}  // namespace

void TreePlan::add_pass(const MergePass& pass) {
  passes_.push_back(pass);
  const double columns = static_cast<double>(pass.columns) * pass.blocks;
  if (pass.kind == MergePass::select) pass_cost_ += 2 * pass.rows;
  else if (pass.kind == MergePass::fold) pass_cost_ += columns * (2 * pass.rows + 1);
  else pass_cost_ += columns * column_cost(pass.radix, pass.rows);
  pass_cost_ += kPassCost;
}

// K. E. Batcher's bitonic merge on the sequence b descending, a ascending. With ranks below `low` dropped the sequence
// is s[g] = max(b[b - 1 - g], a[low - b + g]), still falling and then rising, and the `count` smallest of it are the
// minima of its columns when it is written in rows of at least `count`, in cyclic bitonic order.
std::int32_t TreePlan::merge(std::int32_t a, std::int32_t b, std::int32_t low, std::int32_t high) {
  for (std::size_t i = 0; i < merges_.size(); ++i) {
    const Merge& m = merges_[i];
    if (m.a == a && m.b == b && m.low == low && m.count == high - low) return static_cast<std::int32_t>(i);
  }
  Merge m{a, b, low, high - low, high - low, static_cast<std::int32_t>(passes_.size()), 0, -1};
  for (std::int32_t i = 0; i < kFixedMergeCount; ++i) {
    const MergeShape& shape = kFixedMerges[i];
    if (shape.a == a && shape.b == b && shape.low == low && shape.count == m.count) m.fixed = i;
  }
  pass_cost_ = 0;
  // What lies at or above `high` in its own list lies there in the union.
  a = std::min(a, high);
  b = std::min(b, high);
  const std::int32_t all = a + b - low;
  MergePass pass{};
  pass.blocks = 1;

  if (m.count == 1) {
    pass.kind = MergePass::select;
    pass.source[0] = std::max(0, low - b);
    pass.source[1] = low - 1 - pass.source[0];
    pass.rows = std::min(a, low) - pass.source[0];
    pass.source[2] = low < a ? low : -1;
    pass.source[3] = low < b ? low : -1;
    add_pass(pass);
  } else {
    const bool fold = all > power_of_two(m.count);
    const std::int32_t n = fold ? power_of_two(m.count) : all;
    m.room = n;
    // Columns between which the number or the kind of rows changes.
    const auto segments = [&](std::int32_t width) {
      std::set<std::int32_t> ends{0, width};
      for (const std::int32_t g : {b - low, b, all}) {
        if (g > 0) ends.insert(g % width);
      }
      return std::vector<std::int32_t>(ends.begin(), ends.end());
    };
    std::int32_t block = power_of_two(n);
    const auto radix_of = [&] { return block == 16 || block == 4 ? 4 : block == 2 ? 2 : 8; };
    if (low > 0 || fold) {
      pass.kind = MergePass::fold;
      const std::vector<std::int32_t> ends = segments(n);
      for (std::size_t s = 0; s + 1 < ends.size(); ++s) {
        pass.to = ends[s];
        pass.columns = ends[s + 1] - ends[s];
        pass.rows = 0;
        pass.reversed = 0;
        pass.accumulate = false;
        for (std::int32_t g = ends[s]; g < all; g += n) {
          const std::int32_t from_a = low - b + g, from_b = b - 1 - g;
          const bool in_a = from_a >= 0 && from_a < a, in_b = from_b >= 0;
          const std::int32_t row = 2 * pass.rows++;
          pass.source[row] = in_a ? from_a : from_b;
          pass.source[row + 1] = in_b ? from_b : from_a;
          if (!in_a) pass.reversed |= 1u << row;
          if (in_b) pass.reversed |= 2u << row;
          if (pass.rows == 4) {
            add_pass(pass);
            pass.rows = 0;
            pass.reversed = 0;
            pass.accumulate = true;
          }
        }
        if (pass.rows > 0) add_pass(pass);
      }
    } else {
      pass.kind = MergePass::gather;
      pass.radix = radix_of();
      pass.stride = block / pass.radix;
      const std::vector<std::int32_t> ends = segments(pass.stride);
      for (std::size_t s = 0; s + 1 < ends.size(); ++s) {
        pass.to = ends[s];
        pass.columns = ends[s + 1] - ends[s];
        pass.rows = 0;
        pass.reversed = 0;
        for (std::int32_t g = ends[s]; g < n; g += pass.stride) {
          if (g < b) pass.reversed |= 1u << pass.rows;
          pass.source[pass.rows++] = g < b ? b - 1 - g : g - b;
        }
        add_pass(pass);
      }
      block = pass.stride;
    }
    // Every block is bitonic and no value of it larger than one of the next block.
    while (block > 1) {
      pass = {};
      pass.kind = MergePass::exchange;
      pass.radix = radix_of();
      pass.stride = block / pass.radix;
      pass.block = block;
      const std::int32_t whole = std::min(n / block, (m.count + block - 1) / block);
      if (whole > 0) {
        pass.rows = pass.radix;
        pass.columns = pass.stride;
        pass.blocks = whole;
        add_pass(pass);
      }
      const std::int32_t rest = n - whole * block;
      if (rest > 1 && rest < block && whole * block < m.count) {
        pass.blocks = 1;
        pass.rows = (rest + pass.stride - 1) / pass.stride;
        pass.to = whole * block;
        pass.columns = rest - (pass.rows - 1) * pass.stride;
        if (pass.rows > 1) add_pass(pass);
        pass.to += pass.columns;
        pass.columns = pass.stride - pass.columns;
        --pass.rows;
        if (pass.rows > 1 && pass.columns > 0) add_pass(pass);
      }
      block = pass.stride;
    }
  }
  m.passes = static_cast<std::int32_t>(passes_.size()) - m.first_pass;
  merges_.push_back(m);
  merge_cost_.push_back(m.fixed >= 0 ? pass_cost_ / 2 : pass_cost_);
  return static_cast<std::int32_t>(merges_.size()) - 1;
}

// Merges the operands, small ones first, down to the ranks that may end up among low .. high - 1 of `total` values.
TreePlan::Operand TreePlan::combine(std::vector<Operand> operands, std::int32_t total, std::int32_t low,
                                    std::int32_t high, bool into_result, double& cost) {
  const auto lowest = [&](std::int32_t seen) { return std::max(0, low - (total - seen)); };
  const auto end = [&](std::int32_t seen) { return std::min(seen, high); };
  for (Operand& operand : operands) {
    const std::int32_t dropped = std::max(0, lowest(operand.seen) - operand.low);
    operand.ref.offset += dropped;
    operand.size = std::min(operand.low + operand.size, end(operand.seen)) - operand.low - dropped;
    operand.low += dropped;
  }
  while (operands.size() > 1) {
    std::stable_sort(operands.begin(), operands.end(),
                     [](const Operand& x, const Operand& y) { return x.seen < y.seen; });
    const Operand a = operands[1], b = operands[0];
    operands.erase(operands.begin(), operands.begin() + 2);
    const std::int32_t seen = a.seen + b.seen, before = a.low + b.low;
    const std::int32_t from = std::max(0, lowest(seen) - before);
    const std::int32_t to = std::min(a.size + b.size, end(seen) - before);
    const std::int32_t merged = merge(a.size, b.size, from, to);
    cost += merge_cost(merged);
    const bool last = into_result && operands.empty();
    steps_.push_back({merged, a.ref, b.ref, last ? -1 : scratch_used_});
    operands.push_back({{-1, 0, scratch_used_}, to - from, before + from, seen});
    if (!last) scratch_used_ += merges_[static_cast<std::size_t>(merged)].room;
  }
  return operands[0];
}

double TreePlan::plan_tree(MergeTree& tree, std::int32_t size, std::int32_t lists, std::int32_t tile, std::int32_t low,
                           std::int32_t high) {
  const std::int32_t largest = std::max(1, tile / 2), total = size * lists;
  double cost = 0;
  tree.size = size;
  tree.lists = lists;
  tree.tile = tile;
  tree.levels = std::bit_width(static_cast<std::uint32_t>(largest));
  tree.ring = (lists + tile + largest - 1) / largest * largest;
  for (int level = 0; level < tree.levels; ++level) {
    const std::int32_t group = 1 << level;
    const bool shifted = start_of_shifted(tree, level) != 0;
    tree.ring_at[level] = view_.vectors;
    view_.vectors += tree.ring * size;
    tree.shifted_at[level] = shifted ? view_.vectors : -1;
    if (shifted) view_.vectors += tree.ring * size;
    if (level == 0) continue;
    tree.group[level] = merge(size * group / 2, size * group / 2, 0, size * group);
    cost += merge_cost(tree.group[level]) * tile / group * (shifted ? 2 : 1);
  }

  std::vector<Operand> common;
  std::int32_t start = tile;
  for (int level = tree.levels - 1; level >= 0; --level) {
    for (; start + (1 << level) <= lists + 1; start += 1 << level)
      common.push_back({{level, start, 0}, size << level, 0, size << level});
  }
  tree.first_step = static_cast<std::int32_t>(steps_.size());
  Operand core = combine(common, total, low, high, tile == 1, cost);
  tree.steps = static_cast<std::int32_t>(steps_.size()) - tree.first_step;
  tree.core = core.ref;
  for (std::int32_t group = tile / 2; group > 0; group /= 2) {
    const int level = std::bit_width(static_cast<std::uint32_t>(group)) - 1;
    const std::int32_t slab = size * group, seen = core.seen + slab;
    const std::int32_t from = std::max(0, std::max(0, low - (total - seen)) - core.low);
    const std::int32_t to = std::min(core.size + slab, std::min(seen, high) - core.low);
    tree.split[level] = merge(core.size, slab, from, to);
    tree.split_at[level] = scratch_used_;
    if (level > 0) scratch_used_ += merges_[static_cast<std::size_t>(tree.split[level])].room;
    cost += merge_cost(tree.split[level]) * tile / group;
    core = {{-1, 0, 0}, to - from, core.low + from, seen};
  }
  return cost / tile;
}

void TreePlan::plan(const std::int32_t (&size)[3], std::int32_t rank, std::int32_t tile_z, std::int32_t tile_y) {
  const auto [depth, height, width] = size;
  passes_.clear();
  merges_.clear();
  merge_cost_.clear();
  steps_.clear();
  view_ = {};
  scratch_used_ = 0;

  view_.width = width;
  view_.chunks = (width + kChunk - 1) / kChunk;
  std::vector<Operand> chunks;
  double row = 0;
  for (std::int32_t i = 0, from = 0; i < view_.chunks; ++i) {
    const std::int32_t to = width * (i + 1) / view_.chunks;
    view_.chunk[i] = to - from;
    row += 2 * kSort[to - from] + kPassCost;
    chunks.push_back({{-1, 0, scratch_used_}, to - from, 0, to - from});
    scratch_used_ += kChunk;
    from = to;
  }
  view_.row_steps = static_cast<std::int32_t>(chunks.size()) - 1;
  combine(chunks, width, 0, width, true, row);

  cost_ = row * (depth + tile_z - 1) / tile_z;
  if (depth > 1) cost_ += plan_tree(view_.planes, width, depth, tile_z, 0, depth * width);
  const std::int32_t before = view_.vectors;
  cost_ += plan_tree(view_.rows, width * depth, height, tile_y, rank, rank + 1);
  view_.rows_pitch = view_.vectors - before;
  view_.planes.lists = depth;
  view_.planes.tile = tile_z;
  view_.vectors = before + tile_z * view_.rows_pitch;
  view_.scratch = view_.vectors;
  view_.vectors += scratch_used_;
  // Vectors of two values at least.
  view_.keys = view_.vectors;
  view_.keys_pitch = 2 + width / 2;
  view_.vectors += 2 * (depth + tile_z - 1) * view_.keys_pitch;
  // What leaves the cache costs more.
  if (view_.vectors > kCache) cost_ *= 1.5;
}

TreePlan::TreePlan(const std::int32_t (&size)[3], std::int32_t rank, std::int32_t tile_z, std::int32_t tile_y) {
  plan(size, rank, tile_z, tile_y);
}

TreePlan::TreePlan(const std::int32_t (&size)[3], std::int32_t rank) {
  double best = std::numeric_limits<double>::infinity();
  std::int32_t best_z = 1, best_y = 1;
  for (std::int32_t z = 1; z <= std::min(16, size[0]); z *= 2) {
    if (size[0] == 1 && z > 1) break;
    for (std::int32_t y = 1; y <= std::min(32, size[1]); y *= 2) {
      plan(size, rank, z, y);
      if (cost_ >= best || (z * y > 1 && view_.vectors > kMostVectors)) continue;
      best = cost_;
      best_z = z;
      best_y = y;
    }
  }
  plan(size, rank, best_z, best_y);
}

TreePlanView TreePlan::view() const {
  TreePlanView view = view_;
  view.pass = passes_.data();
  view.merge = merges_.data();
  view.step = steps_.data();
  return view;
}

}  // namespace cormack
