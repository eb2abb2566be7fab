#include "segment/flood.hpp"

namespace cormack {
namespace {

using Word = std::uint64_t;
constexpr Word kTop = Word{1} << 63;

// The runs of ones in `row` that hold a bit of `seeds` (a subset of `row`).
Word fill_runs(Word row, Word seeds) {
  if (row == ~Word{0}) return row;
  if ((row & ~seeds & (seeds << 1 | seeds >> 1)) == 0) return seeds;
  // The sum carries from each seed to the end of its run.
  Word filled = (((row + seeds) ^ row) & row) | seeds;
  Word open = row;
  for (int shift = 1; shift < 64; shift *= 2) {
    filled |= open & (filled >> shift);
    open &= open >> shift;
  }
  return filled;
}

}  // namespace

Flood::Flood(BitImage& allowed, int connectivity)
    : allowed_(allowed.data()), region_(allowed.shape), fresh_(allowed.shape), neighbours_(allowed, connectivity) {}

Word Flood::take_in_word(std::int64_t index, Word seeds) {
  const Word taken = fill_runs(allowed_[index], seeds);
  allowed_[index] ^= taken;
  region_.data()[index] |= taken;
  Word& fresh = fresh_.data()[index];
  if (fresh == 0) next_.push_back(index);
  fresh |= taken;
  return taken;
}

void Flood::take(std::int64_t index, Word seeds) {
  // Runs are always taken whole, so what is allowed beside a taken pixel belongs to its run.
  const Word taken = take_in_word(index, seeds);
  Word edge = taken;
  for (std::int64_t i = index + 1; (edge & kTop) != 0 && (allowed_[i] & 1) != 0; ++i) edge = take_in_word(i, 1);
  edge = taken;
  for (std::int64_t i = index - 1; (edge & 1) != 0 && (allowed_[i] & kTop) != 0; --i) edge = take_in_word(i, kTop);
}

void Flood::start(Seeds seeds) {
  for (const std::array<std::int64_t, 3>& seed : seeds) {
    const BitImage::Place place = region_.place(seed);
    start(place.index, place.bit);
  }
}

void Flood::start_border(int ndim) {
  const auto& shape = region_.shape;
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    const bool end_slice = ndim == 3 && (z == 0 || z == shape[0] - 1);
    for (std::int64_t y = 0; y < shape[1]; ++y) {
      const std::int64_t row = region_.index(z, y);
      if (end_slice || y == 0 || y == shape[1] - 1) {
        for (std::int64_t w = 0; w < region_.words; ++w) start(row + w, ~Word{0});
      } else {
        start(row, 1);
        start(row + region_.words - 1, Word{1} << (shape[2] - 1) % 64);
      }
    }
  }
}

void Flood::grow() {
  while (!next_.empty()) {
    queue_.swap(next_);
    next_.clear();
    for (const std::int64_t index : queue_) {
      const Word fresh = fresh_.data()[index];
      fresh_.data()[index] = 0;
      const Word wide = fresh | fresh << 1 | fresh >> 1;
      for (int k = 0; k < neighbours_.count; ++k) {
        const std::int64_t there = index + neighbours_.offset[static_cast<std::size_t>(k)];
        const bool diagonal = k < neighbours_.diagonal_count;
        start(there, diagonal ? wide : fresh);
        if (!diagonal) continue;
        if ((fresh & kTop) != 0) start(there + 1, 1);
        if ((fresh & 1) != 0) start(there - 1, kTop);
      }
    }
  }
}

}  // namespace cormack
