#include "features/glrlm.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "core/parallel.hpp"
#include "features/texture_rows.hpp"

namespace cormack {
namespace {

std::int64_t longest_run(const Levels& levels, const Offset& direction) {
  std::int64_t longest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t axis = 0; axis < 3; ++axis)
    if (direction[axis] != 0) longest = std::min(longest, levels.shape()[axis]);
  return longest;
}

// Index is as wide as the number of cells asks for.
template <class Index>
void tally_runs(const Levels& levels, const Offset& direction, std::int64_t z_begin, std::int64_t z_end,
                CellTally& tally) {
  const auto size = static_cast<std::uint32_t>(levels.level_count() + 1);
  const std::int64_t back = -levels.step(direction), width = levels.columns() + 2;
  // Cells of the slice, or row, and of the one before it.
  const bool in_slice = direction[0] == 0;
  const std::int64_t part = in_slice ? width : width * (levels.rows() + 2);
  Scratch<Index> cells(2 * part);
  const auto advance = [&] {
    if constexpr (sizeof(Index) == 2) return texture_rows().runs16;
    else return texture_rows().runs32;
  }();
  for (std::int64_t z = z_begin; z < z_end; ++z) {
    for (std::int64_t y = 0; y < levels.rows(); ++y) {
      const std::int64_t first = levels.first(z, y), n = levels.end(z, y) - first;
      const std::uint16_t* row = levels.row(z, y) + first;
      if (in_slice && direction[1] == 0) {
        std::uint32_t cell = 0;
        for (std::int64_t i = 0; i < n; ++i) {
          cell = row[i] != 0 && row[i] == row[i - 1] ? cell + size : row[i];
          cells[i] = static_cast<Index>(cell);
        }
        tally.add(cells.data(), n);
        continue;
      }
      const auto place = [&](std::int64_t slice, std::int64_t line) {
        return in_slice ? cells.data() + (line & 1) * part + 1
                        : cells.data() + (slice & 1) * part + (line + 1) * width + 1;
      };
      Index* current = place(z, y) + first;
      const Index* before = place(z - direction[0], y - direction[1]) + first - direction[2];
      advance(row, row + back, before, size, n, current);
      tally.add(current, n);
    }
  }
}

}  // namespace

namespace cpu {

Cells glrlm(const Levels& levels, const std::vector<Offset>& directions, bool per_slice, Context context) {
  for (const Offset& d : directions) {
    const bool steps = std::all_of(d.begin(), d.end(), [](std::int64_t step) { return step >= -1 && step <= 1; });
    if (!steps || d <= Offset{} || levels.pad() < 1) throw std::invalid_argument("a direction is no step forwards");
    if (per_slice && d[0] != 0) throw std::invalid_argument("a direction leaves the slice");
  }
  const std::int64_t size = levels.level_count() + 1;
  const auto kinds = static_cast<std::int64_t>(directions.size());
  const std::int64_t matrices = per_slice ? kinds * levels.depth() : kinds;
  std::vector<Cells> parts(static_cast<std::size_t>(matrices));
  parallel_for(matrices, 1, context.workers, [&](std::int64_t begin, std::int64_t stop) {
    for (std::int64_t matrix = begin; matrix < stop; ++matrix) {
      const Offset& direction = directions[static_cast<std::size_t>(matrix % kinds)];
      const std::int64_t z_begin = per_slice ? matrix / kinds : 0, z_end = per_slice ? z_begin + 1 : levels.depth();
      const std::int64_t longest = longest_run(levels, direction);
      CellTally tally((longest + 1) * size);
      if (longest * size <= std::numeric_limits<std::uint16_t>::max() + 1) {
        tally_runs<std::uint16_t>(levels, direction, z_begin, z_end, tally);
      } else {
        tally_runs<std::uint32_t>(levels, direction, z_begin, z_end, tally);
      }
      for (std::int64_t level = 1; level < size; ++level) {
        for (std::int64_t place = 0; place < longest; ++place) {
          const std::uint32_t as_long = tally[place * size + level];
          if (as_long == 0) break;
          const std::uint32_t longer = tally[(place + 1) * size + level];
          if (as_long != longer)
            parts[static_cast<std::size_t>(matrix)].push_back({matrix, level, place + 1, as_long - longer});
        }
      }
    }
  });
  Cells result;
  for (const Cells& part : parts) result.insert(result.end(), part.begin(), part.end());
  return result;
}

}  // namespace cpu
}  // namespace cormack
