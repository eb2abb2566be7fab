#include "segment/label_surfaces.hpp"

#include <cmath>

#include "core/parallel.hpp"
#include "segment/label_index.hpp"
#include "segment/label_runs.hpp"

namespace cormack {
namespace {

struct Part {
  std::int64_t label;
  LabelSurface surface;
};

// Where a row of pixels changes: from `x` on it has the object `number`, 0 for none.
struct Change {
  std::int64_t x;
  std::int32_t number;
};

// The cells of one slab of rows of cells. Cell (z, y, x) has the pixels z - 1 and z, y - 1 and y, x - 1 and x.
class Slab {
 public:
  Slab(const Image& labels, const CellSurfaces& cells, LabelIndex& index)
      : labels_(labels), cells_(cells), finder_(run_finder(labels)), index_(index), runs_(labels.shape[2] + 1) {
    // Two changes for a run at most, and one beyond the end.
    for (auto& row : rows_) row.resize(static_cast<std::size_t>(2 * labels.shape[2] + 3));
  }

  void measure(std::int64_t begin, std::int64_t end, std::vector<Part>& parts) {
    parts_ = &parts;
    const std::int64_t height = labels_.shape[1] + 1;
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t z = r / height, y = r % height;
      // Rows y - 1 of both slices were rows y of the last cells.
      std::swap(rows_[0], rows_[1]);
      std::swap(rows_[2], rows_[3]);
      if (r == begin || y == 0) {
        load(z - 1, y - 1, rows_[0]);
        load(z, y - 1, rows_[2]);
      }
      load(z - 1, y, rows_[1]);
      load(z, y, rows_[3]);
      add_cells();
    }
    for (const Part& part : parts) index_[part.label] = 0;
  }

 private:
  using Row = std::vector<Change>;

  void load(std::int64_t z, std::int64_t y, Row& row) {
    Change* out = row.data();
    const bool inside = z >= 0 && z < labels_.shape[0] && y >= 0 && y < labels_.shape[1];
    const std::int64_t count = inside ? finder_->find(z, y, runs_.data()) : 0;
    std::int64_t at = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const LabelRun& run = runs_[i];
      if (run.begin > at) *out++ = {at, 0};
      *out++ = {run.begin, number_of(run.label)};
      at = run.end;
    }
    *out++ = {at, 0};
    *out = {labels_.shape[2] + 1, 0};
  }

  std::int32_t number_of(std::int64_t label) {
    if (label == last_label_) return last_number_;
    std::int32_t& number = index_[label];
    if (number == 0) {
      parts_->push_back({label, {}});
      number = static_cast<std::int32_t>(parts_->size());
    }
    last_label_ = label;
    return last_number_ = number;
  }

  void add_cells() {
    const std::int64_t end = labels_.shape[2] + 1;
    std::array<const Change*, 4> next{rows_[0].data(), rows_[1].data(), rows_[2].data(), rows_[3].data()};
    // Corner 2 k + 1 is in row k at x, corner 2 k before it.
    std::array<std::int32_t, 8> corners{};
    std::int64_t x = 0;
    while (x < end) {
      std::int64_t following = end;
      for (std::size_t k = 0; k < 4; ++k) {
        if (next[k]->x == x) corners[2 * k + 1] = (next[k]++)->number;
        following = std::min(following, next[k]->x);
      }
      add(corners, 1);
      for (std::size_t k = 0; k < 4; ++k) corners[2 * k] = corners[2 * k + 1];
      // Up to the next change all cells are alike, and have nothing where their rows agree.
      const bool alike = corners[0] == corners[2] && corners[0] == corners[4] && corners[0] == corners[6];
      if (!alike && following > x + 1) add(corners, following - x - 1);
      x = following;
    }
  }

  void add(const std::array<std::int32_t, 8>& corners, std::int64_t count) {
    unsigned left = 255;  // corners of objects that were not yet handled
    for (unsigned k = 0; k < 8; ++k) {
      if (corners[k] == 0) left &= ~(1u << k);
    }
    while (left != 0) {
      unsigned first = 0;
      while ((left >> first & 1) == 0) ++first;
      const std::int32_t number = corners[first];
      unsigned pattern = 0;
      for (unsigned k = first; k < 8; ++k) pattern |= static_cast<unsigned>(corners[k] == number) << k;
      left &= ~pattern;
      const LabelSurface& cell = cells_[pattern];
      LabelSurface& sum = (*parts_)[static_cast<std::size_t>(number) - 1].surface;
      sum.area += static_cast<double>(count) * cell.area;
      sum.volume += static_cast<double>(count) * cell.volume;
    }
  }

  const Image& labels_;
  const CellSurfaces& cells_;
  std::unique_ptr<RunFinder> finder_;
  LabelIndex& index_;
  Scratch<LabelRun> runs_;
  std::array<Row, 4> rows_;
  std::vector<Part>* parts_ = nullptr;
  std::int64_t last_label_ = 0;
  std::int32_t last_number_ = 0;
};

}  // namespace

CellSurfaces square_cells(const std::array<double, 3>& spacing) {
  const double y = spacing[1], x = spacing[2], diagonal = std::sqrt(y * y + x * x) / 2;
  CellSurfaces cells{};
  for (unsigned inside = 1; inside < 15; ++inside) {
    const bool a = inside & 1, b = inside & 2, c = inside & 4, d = inside & 8;  // a and b side by side along x
    LabelSurface& cell = cells[inside << 4];
    const int count = a + b + c + d;
    if (count != 2) cell = {diagonal, count == 1 ? 0.125 : 0.875};
    else if (a == d) cell = {2 * diagonal, 0.25};
    else cell = {a == b ? x : y, 0.5};
    cell.volume = (cell.volume - count / 4.0) * (y * x);
  }
  return cells;
}

namespace cpu {

std::vector<LabelSurface> label_surfaces(const Image& labels, std::span<const std::int64_t> numbers,
                                         const CellSurfaces& cells, Context context) {
  std::vector<LabelSurface> result(numbers.size());
  if (labels.size() == 0 || numbers.empty()) return result;
  if (numbers.front() < 0) throw std::invalid_argument("label_surfaces: labels must not be negative");
  // In 2-D there is one slice of cells, whose first four corners lie in the slice before the only one.
  const std::int64_t slices = labels.ndim == 2 ? 1 : labels.shape[0] + 1;
  const Slabs slabs(slices * (labels.shape[1] + 1), labels.shape[2], INT64_MAX);
  std::vector<std::vector<Part>> parts(static_cast<std::size_t>(slabs.count));
  IndexPool pool(dense_limit(labels.size()));
  parallel_for(slabs.count, 1, context.workers, [&](std::int64_t begin, std::int64_t end) {
    std::unique_ptr<LabelIndex> index = pool.take();
    for (std::int64_t s = begin; s < end; ++s) {
      Slab(labels, cells, *index).measure(slabs.begin(s), slabs.end(s), parts[static_cast<std::size_t>(s)]);
    }
    pool.give_back(std::move(index));
  });
  const std::unique_ptr<LabelIndex> index = pool.take();
  for (std::size_t i = 0; i < numbers.size(); ++i) (*index)[numbers[i]] = static_cast<std::int32_t>(i) + 1;
  for (const std::vector<Part>& part : parts) {
    for (const Part& of_label : part) {
      const std::int32_t number = index->find(of_label.label);
      if (number == 0) throw std::invalid_argument("label_surfaces: a label is missing in `numbers`");
      LabelSurface& sum = result[static_cast<std::size_t>(number) - 1];
      sum.area += of_label.surface.area;
      sum.volume += of_label.surface.volume;
    }
  }
  return result;
}

}  // namespace cpu
}  // namespace cormack
