#include "features/neighbour_tables.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "core/parallel.hpp"
#include "features/texture_rows.hpp"
#include "features/texture_tally.hpp"

namespace cormack {
namespace {

constexpr std::int64_t kGrain = 8;          // slices
constexpr std::int64_t kMostDistance = 15;  // 31^3 neighbours fit into 16 bits, sums of their levels into 31

void check(const Levels& levels, int dimensions, std::int64_t distance) {
  if (dimensions != 2 && dimensions != 3) throw std::invalid_argument("neighbours lie in 2 or 3 dimensions");
  if (distance < 1 || distance > std::min(levels.pad(), kMostDistance))
    throw std::invalid_argument("neighbours reach beyond the padding");
}

// Calls f(z, y, first, n, rows of the neighbourhood from voxel `first` on) for each row of slices [begin, end).
template <class F>
void over_rows(const Levels& levels, int dimensions, std::int64_t distance, std::int64_t begin, std::int64_t end,
               const F& f) {
  std::vector<const std::uint16_t*> rows;
  const std::int64_t deep = dimensions == 3 ? distance : 0;
  for (std::int64_t z = begin; z < end; ++z) {
    for (std::int64_t y = 0; y < levels.rows(); ++y) {
      const std::int64_t first = levels.first(z, y), n = levels.end(z, y) - first;
      if (n <= 0) continue;
      rows.clear();
      for (std::int64_t dz = -deep; dz <= deep; ++dz)
        for (std::int64_t dy = -distance; dy <= distance; ++dy) rows.push_back(levels.row(z + dz, y + dy) + first);
      f(levels.row(z, y) + first, n, rows);
    }
  }
}

// Fills a table of `size` for each slice, or one of all: fill(begin, end, table) adds slices to a table of zeros.
template <class Value, class Fill, class Add>
void tables(const Levels& levels, int dimensions, std::int64_t size, Value* target, Context context, const Fill& fill,
            const Add& add) {
  const std::int64_t count = dimensions == 2 ? levels.depth() : 1;
  std::fill(target, target + count * size, Value{});
  std::mutex adding;
  parallel_for(levels.depth(), kGrain, context.workers, [&](std::int64_t begin, std::int64_t end) {
    if (dimensions == 2) {
      for (std::int64_t z = begin; z < end; ++z) fill(z, z + 1, target + z * size);
      return;
    }
    if (begin == 0 && end == levels.depth()) {
      fill(begin, end, target);
      return;
    }
    std::vector<Value> part(static_cast<std::size_t>(size));
    fill(begin, end, part.data());
    const std::scoped_lock lock(adding);
    for (std::int64_t i = 0; i < size; ++i) add(target[i], part[static_cast<std::size_t>(i)]);
  });
}

}  // namespace

std::int64_t most_neighbours(int dimensions, std::int64_t distance) {
  const std::int64_t width = 2 * distance + 1;
  return width * width * (dimensions == 3 ? width : 1) - 1;
}

namespace cpu {

void ngtdm(const Levels& levels, int dimensions, std::int64_t distance, ToneCell* cells, Context context) {
  check(levels, dimensions, distance);
  const std::int64_t width = most_neighbours(dimensions, distance) + 1;
  const TextureRows& table = texture_rows();
  const auto fill = [&](std::int64_t begin, std::int64_t end, ToneCell* target) {
    const std::int64_t columns = levels.columns() + 2 * distance;
    Scratch<std::int32_t> sum(columns), number(columns);
    Scratch<std::uint32_t> cell(columns), difference(columns);
    // Outside is level 0, which no one asked for.
    std::vector<ToneCell> found(static_cast<std::size_t>((levels.level_count() + 1) * width));
    over_rows(levels, dimensions, distance, begin, end,
              [&](const std::uint16_t* row, std::int64_t n, std::vector<const std::uint16_t*>& rows) {
                for (const std::uint16_t*& other : rows) other -= distance;
                table.columns(rows.data(), static_cast<std::int64_t>(rows.size()), n + 2 * distance, sum.data(),
                              number.data());
                table.tone(row, sum.data() + distance, number.data() + distance, distance,
                           static_cast<std::uint32_t>(width), n, cell.data(), difference.data());
                for (std::int64_t i = 0; i < n; ++i) {
                  ToneCell& tone = found[cell[i]];
                  ++tone.voxels;
                  tone.difference += difference[i];
                }
              });
    std::copy(found.begin() + width, found.end(), target);
  };
  tables(levels, dimensions, levels.level_count() * width, cells, context, fill, [](ToneCell& a, const ToneCell& b) {
    a.voxels += b.voxels;
    a.difference += b.difference;
  });
}

void ngldm(const Levels& levels, int dimensions, std::int64_t distance, std::int64_t coarseness, std::uint64_t* counts,
           Context context) {
  check(levels, dimensions, distance);
  if (coarseness < 0) throw std::invalid_argument("coarseness is not negative");
  const std::int64_t width = most_neighbours(dimensions, distance) + 1;
  const auto apart = static_cast<std::uint16_t>(std::min<std::int64_t>(coarseness, 65535));
  const TextureRows& table = texture_rows();
  const auto fill = [&](std::int64_t begin, std::int64_t end, std::uint64_t* target) {
    Scratch<std::uint16_t> same(levels.columns());
    Scratch<std::uint32_t> cell(levels.columns());
    // Cells are level * width + dependence, which is from 1; outside, anything below 2 * width.
    CellTally tally((levels.level_count() + 2) * width + 1);
    over_rows(levels, dimensions, distance, begin, end,
              [&](const std::uint16_t* row, std::int64_t n, const std::vector<const std::uint16_t*>& rows) {
                table.dependence(row, rows.data(), static_cast<std::int64_t>(rows.size()), distance, apart, n,
                                 same.data());
                for (std::int64_t i = 0; i < n; ++i)
                  cell[i] = row[i] != 0 ? static_cast<std::uint32_t>(row[i] * width + same[i]) : 0;
                tally.add(cell.data(), n);
              });
    for (std::int64_t level = 1; level <= levels.level_count(); ++level)
      for (std::int64_t j = 1; j <= width; ++j) *target++ = tally[level * width + j];
  };
  tables(levels, dimensions, levels.level_count() * width, counts, context, fill,
         [](std::uint64_t& a, std::uint64_t b) { a += b; });
}

}  // namespace cpu
}  // namespace cormack
