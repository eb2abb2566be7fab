#pragma once
// Connected components of a binary image: a number for each run of pixels along x.
#include <bit>
#include <vector>

#include "segment/bit_image.hpp"

namespace cormack {

// Calls f(begin, end) for the runs of a row, from left to right.
template <class F>
void for_each_run(const std::uint64_t* row, std::int64_t words, F&& f) {
  std::int64_t begin = -1;
  std::uint64_t before = 0;
  // The word of zeros after the row ends its last run.
  for (std::int64_t w = 0; w <= words; ++w) {
    for (std::uint64_t edges = row[w] ^ (row[w] << 1 | before); edges != 0; edges &= edges - 1) {
      const std::int64_t x = w * 64 + std::countr_zero(edges);
      if (begin < 0) {
        begin = x;
      } else {
        f(begin, x);
        begin = -1;
      }
    }
    before = row[w] >> 63;
  }
}

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
