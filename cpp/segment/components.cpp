#include "segment/components.hpp"

#include <bit>
#include <limits>

#include "core/parallel.hpp"
#include "segment/components_rows.hpp"

namespace cormack {
namespace {

using Word = std::uint64_t;
constexpr std::int64_t kMaxRuns = std::numeric_limits<std::int32_t>::max();

// The number of the first run of each row, and of all runs.
std::vector<std::int64_t> count_runs(const BitImage& bits, int workers) {
  const std::int64_t rows = bits.row_count();
  std::vector<std::int64_t> first(static_cast<std::size_t>(rows) + 1, 0);
  const auto count = components_rows().count;
  parallel_for(rows, bits.grain(), workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) first[static_cast<std::size_t>(r) + 1] = count(bits.row(r), bits.words);
  });
  for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r) first[r + 1] += first[r];
  if (first.back() > kMaxRuns) throw std::overflow_error("cormack: a mask has more than 2147483647 runs of pixels");
  return first;
}

void clear_run(Word* row, std::int64_t begin, std::int64_t end) {
  const std::int64_t first = begin / 64, last = (end - 1) / 64;
  for (std::int64_t w = first; w <= last; ++w) {
    Word run = ~Word{0};
    if (w == first) run &= ~Word{0} << begin % 64;
    if (w == last) run &= ~Word{0} >> (63 - (end - 1) % 64);
    row[w] &= ~run;
  }
}

}  // namespace

Components::Components(const BitImage& bits, int connectivity, int workers)
    : bits_(bits), connectivity_(connectivity), first_(count_runs(bits, workers)), labels_(first_.back()) {
  // A unit is what only the unit before it joins to earlier rows: a slice, or a row of a single slice.
  const bool slices = bits.shape[0] > 1;
  const std::int64_t units = slices ? bits.shape[0] : bits.shape[1];
  const std::int64_t unit_rows = slices ? bits.shape[1] : 1;
  const int threads = workers > 0 ? workers : get_num_threads();
  // Slabs as large as their number allows, since their borders are joined by one thread.
  const std::int64_t grain = std::max({std::int64_t{4}, units / (2 * threads) + 1, bits.grain() / unit_rows});
  std::vector<std::uint8_t> starts_slab(static_cast<std::size_t>(units), 0);
  parallel_for(units, grain, workers, [&](std::int64_t begin, std::int64_t end) {
    starts_slab[static_cast<std::size_t>(begin)] = 1;
    const std::int64_t begin_row = begin * unit_rows, end_row = end * unit_rows;
    for (std::int64_t i = first(begin_row); i < first(end_row); ++i) labels_[i] = static_cast<std::int32_t>(i);
    for (std::int64_t r = begin_row; r < end_row; ++r) link(r, begin_row, end_row);
  });
  for (std::int64_t unit = 1; unit < units; ++unit) {
    if (starts_slab[static_cast<std::size_t>(unit)] == 0) continue;
    for (std::int64_t r = unit * unit_rows; r < (unit + 1) * unit_rows; ++r) link(r, 0, unit * unit_rows);
  }
  for (std::int64_t i = 0; i < first_.back(); ++i) {
    // What a run points to comes earlier and has its number already.
    labels_[i] = labels_[i] == i ? ++count_ : labels_[labels_[i]];
  }
}

void Components::link(std::int64_t row, std::int64_t begin, std::int64_t end) {
  if (first(row) == first(row + 1)) return;
  const ComponentsRows& loops = components_rows();
  const std::int64_t slice = bits_.shape[1], z = row / slice, y = row - z * slice;
  // Rows of zeros lie around each slice.
  const Word* here = bits_.data() + bits_.index(z, y);
  const Word* above = here - bits_.row_stride;
  const auto join = [&](LinkRows loop, std::int64_t other, const Word* there, bool diagonal, const Word* known1,
                        const Word* known2) {
    if (other < begin || other >= end || first(other) == first(other + 1)) return;
    loop(here, static_cast<std::int32_t>(first(row)), there, static_cast<std::int32_t>(first(other)), bits_.words,
         diagonal, labels_.data(), known1, known2);
  };
  if (y > 0) join(loops.link, row - 1, above, connectivity_ >= 2, nullptr, nullptr);
  if (z == 0) return;
  // A pixel whose neighbour above is set is joined to what that one touches: to its own neighbour in the slice before,
  // and to those that this one has above, which touch what the pixel itself touches in the slice before. Rows of that
  // slice are joined among themselves, and the row above to them, before this one.
  const Word* behind = here - bits_.slice_stride;
  const Word* behind_above = behind - bits_.row_stride;
  const bool corners = connectivity_ >= 3;
  join(loops.link_but_both, row - slice, behind, connectivity_ >= 2, above, corners ? above : behind_above);
  if (connectivity_ < 2) return;
  if (y > 0) join(loops.link_but_either, row - slice - 1, behind_above, corners, behind, above);
  if (y + 1 < slice) join(loops.link_but_both, row - slice + 1, behind + bits_.row_stride, corners, behind, behind);
}

std::vector<std::int64_t> Components::sizes() const {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(count_) + 1, 0);
  for (std::int64_t r = 0; r < bits_.row_count(); ++r) {
    const std::int32_t* label = labels(r);
    for_each_run(bits_.row(r), bits_.words, [&](std::int64_t begin, std::int64_t end) {
      sizes[static_cast<std::size_t>(*label++)] += end - begin;
    });
  }
  return sizes;
}

void Components::keep(const std::vector<std::uint8_t>& chosen, BitImage& out, int workers) const {
  parallel_for(bits_.row_count(), bits_.grain(), workers, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const Word* from = bits_.row(r);
      Word* to = out.row(r);
      if (from != to) std::copy(from, from + bits_.words, to);
      const std::int32_t* label = labels(r);
      // Clearing a run leaves the words that are still to be read as they are, or clears bits before the next run.
      for_each_run(from, bits_.words, [&](std::int64_t run_begin, std::int64_t run_end) {
        if (chosen[static_cast<std::size_t>(*label++)] == 0) clear_run(to, run_begin, run_end);
      });
    }
  });
}

}  // namespace cormack
