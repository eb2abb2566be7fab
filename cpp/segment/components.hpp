#pragma once
// Connected components of a binary image: a number for each run of pixels along x.
#include <vector>

#include "segment/bit_image.hpp"

namespace cormack {

// Components are numbered from 1 in the order of their first pixels in raster order, whatever the number of threads.
// Runs are joined by union-find in the order in which they come, in parallel over slabs, then across the slabs' borders
// (He, Chao, Suzuki, "A run-based two-scan labeling algorithm", IEEE TIP 17, 2008); which runs touch is found by
// operations on words of 64 pixels. Memory: 4 bytes a run.
class Components {
 public:
  // connectivity: how many coordinates may change by one in a step, 1 to 3. Throws std::overflow_error above 2^31 - 1
  // runs. `bits` must outlive this and keep its bits.
  Components(const BitImage& bits, int connectivity, int workers);

  std::int32_t count() const { return count_; }
  std::int64_t run_count() const { return first_.back(); }
  // The numbers of the runs of row r, from left to right.
  const std::int32_t* labels(std::int64_t r) const { return labels_.data() + first(r); }
  // Pixels of each component, at its number; nothing at 0.
  std::vector<std::int64_t> sizes() const;
  // Writes the runs whose component is chosen, by its number, to `out`: `bits` or another image of its shape.
  void keep(const std::vector<std::uint8_t>& chosen, BitImage& out, int workers) const;

 private:
  std::int64_t first(std::int64_t r) const { return first_[static_cast<std::size_t>(r)]; }
  // Joins the runs of a row with those of the neighbours that come before it and lie in rows from `begin` to `end`.
  void link(std::int64_t row, std::int64_t begin, std::int64_t end);

  const BitImage& bits_;
  int connectivity_;
  std::vector<std::int64_t> first_;  // number of each row's first run
  Scratch<std::int32_t> labels_;     // while runs are joined: a run of the same component that comes no later
  std::int32_t count_ = 0;
};

}  // namespace cormack
