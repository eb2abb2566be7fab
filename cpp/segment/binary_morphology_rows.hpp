#pragma once
// Conjunctions of strings of bits. Compiled per instruction set.
#include "core/isa.hpp"

namespace cormack {

struct BinaryMorphologyRows {
  // out[i] = the word that starts `shift_a` bits after a[i], and the one `shift_b` after b[i]; shifts from 0 to 63.
  // Reads a[n] and b[n].
  void (*both)(const std::uint64_t* a, int shift_a, const std::uint64_t* b, int shift_b, std::uint64_t* out,
               std::int64_t n);
  // row[i] &= row[i + distance], in the order of i; distance above 0.
  void (*ahead)(std::uint64_t* row, std::int64_t distance, std::int64_t n);
  // out[i] = (out[i] or, at the start, all ones) and all of from[offsets[k] + i], then flipped by `flip`.
  void (*all)(std::uint64_t* out, bool start, const std::uint64_t* from, const std::int64_t* offsets,
              std::int64_t count, std::uint64_t flip, std::int64_t n);
};

CORMACK_TABLE(BinaryMorphologyRows, binary_morphology_rows)

}  // namespace cormack
