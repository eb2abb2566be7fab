#include "features/glcm.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "core/parallel.hpp"
#include "features/texture_rows.hpp"
#include "features/texture_tally.hpp"

namespace cormack::cpu {

void glcm(const Levels& levels, const std::vector<Offset>& offsets, bool per_slice, std::uint32_t* counts,
          Context context) {
  for (const Offset& offset : offsets) {
    for (const std::int64_t step : offset)
      if (std::abs(step) > levels.pad()) throw std::invalid_argument("an offset reaches beyond the padding");
    if (per_slice && offset[0] != 0) throw std::invalid_argument("an offset leaves the slice");
  }
  const std::int64_t size = levels.level_count() + 1, wanted = levels.level_count() * levels.level_count();
  const auto kinds = static_cast<std::int64_t>(offsets.size());
  const std::int64_t matrices = per_slice ? kinds * levels.depth() : kinds;
  const TextureRows& table = texture_rows();
  parallel_for(matrices, 1, context.workers, [&](std::int64_t begin, std::int64_t stop) {
    CellTally tally(size * size);
    Scratch<std::uint32_t> cells(levels.columns());
    for (std::int64_t matrix = begin; matrix < stop; ++matrix) {
      if (matrix != begin) tally.clear();
      const std::int64_t step = levels.step(offsets[static_cast<std::size_t>(matrix % kinds)]);
      const std::int64_t z_begin = per_slice ? matrix / kinds : 0, z_end = per_slice ? z_begin + 1 : levels.depth();
      for (std::int64_t z = z_begin; z < z_end; ++z) {
        for (std::int64_t y = 0; y < levels.rows(); ++y) {
          const std::int64_t first = levels.first(z, y), n = levels.end(z, y) - first;
          const std::uint16_t* row = levels.row(z, y) + first;
          table.pairs(row, row + step, static_cast<std::uint32_t>(size), n, cells.data());
          tally.add(cells.data(), n);
        }
      }
      std::uint32_t* target = counts + matrix * wanted;
      for (std::int64_t i = 1; i < size; ++i)
        for (std::int64_t j = 1; j < size; ++j) *target++ = tally[i * size + j];
    }
  });
}

}  // namespace cormack::cpu
