#pragma once
// The loops of rank_selection. Compiled per instruction set.
#include <cstdint>

#include "core/isa.hpp"

namespace cormack {

// out[x] = the value of rank `rank` among taps[0][x] .. taps[n - 1][x], for 0 <= x < width, n at most the key's
// maximum. Reads and writes up to one vector past the width.
template <class Key>
using SelectRank = void (*)(const Key* const* taps, std::int64_t n, std::int64_t rank, Key* out, std::int64_t width);

struct RankRows {
  SelectRank<std::int8_t> i8;
  SelectRank<std::int16_t> i16;
  SelectRank<std::int32_t> i32;
  SelectRank<std::int64_t> i64;
};

CORMACK_TABLE(RankRows, rank_rows)

}  // namespace cormack
