#pragma once
// Growing over the pixels that are allowed, by words of 64.
#include <span>
#include <vector>

#include "segment/bit_image.hpp"

namespace cormack {

// Grows a region over the pixels of `allowed`, which it takes them from: what is left in `allowed` was not reached.
// Each word that gained pixels waits once in a queue and hands its new pixels to the words around it, so the work is at
// most proportional to the pixels reached, however long or twisted the way to them, and near to one step per 64 of them
// in compact bodies.
class Flood {
 public:
  // Pixels as (z, y, x).
  using Seeds = std::span<const std::array<std::int64_t, 3>>;

  Flood(BitImage& allowed, int connectivity);

  // Starts from the pixels of `seeds` in the word at `index` that are allowed.
  void start(std::int64_t index, std::uint64_t seeds) {
    if ((seeds &= allowed_[index]) != 0) take(index, seeds);
  }
  // Starts from the seeds that are allowed. Throws std::invalid_argument if one lies outside the image.
  void start(Seeds seeds);
  // Starts from every allowed pixel on the border of an image of `ndim` dimensions.
  void start_border(int ndim);
  void grow();
  // Empties the region, for a new start over new pixels of `allowed`. What was started has been grown.
  void clear() { region_.clear(); }
  BitImage& region() { return region_; }

 private:
  // Takes the runs around `seeds`, allowed pixels of the word at `index`, to their ends in this row.
  void take(std::int64_t index, std::uint64_t seeds);
  std::uint64_t take_in_word(std::int64_t index, std::uint64_t seeds);

  std::uint64_t* allowed_;
  BitImage region_;
  BitImage fresh_;  // reached, not yet handed on
  Neighbours neighbours_;
  std::vector<std::int64_t> queue_;  // words with fresh pixels
  std::vector<std::int64_t> next_;
};

}  // namespace cormack
