#pragma once
// Runs of set bits in rows of words: counted, joined to those of other rows, written as labels. Compiled per
// instruction set, for the population count and wide stores.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

// Unites, in the forest `parent`, the runs of row a with the runs of row b that share an x with them, or are beside
// it where `diagonal`. a_first, b_first: the numbers of the rows' first runs. The smaller root wins.
using LinkRows = void (*)(const std::uint64_t* a, std::int32_t a_first, const std::uint64_t* b, std::int32_t b_first,
                          std::int64_t words, bool diagonal, std::int32_t* parent, const std::uint64_t* known1,
                          const std::uint64_t* known2);

struct ComponentsRows {
  std::int64_t (*count)(const std::uint64_t* row, std::int64_t words);
  LinkRows link;  // without known1 and known2
  // Where both of two other rows are set, or either, pixels of a need not be looked at: what they touch is joined to
  // them already.
  LinkRows link_but_both, link_but_either;
  // Writes labels[k] to the pixels of run k and 0 to the others of n pixels.
  void (*write)(const std::uint64_t* row, const std::int32_t* labels, std::int32_t* out, std::int64_t n);
  // Writes labels[k] to the pixels of run k alone.
  void (*write_runs)(const std::uint64_t* row, const std::int32_t* labels, std::int32_t* out, std::int64_t n);
};

CORMACK_TABLE(ComponentsRows, components_rows)

}  // namespace cormack
