// Words of any alignment; bit 0 comes first. Blocks of words live in registers: loops of constant length over them
// become vector instructions, whatever the arrays overlap.
#include <cstdint>

#include "core/vec.hpp"
#include "segment/binary_morphology_rows.hpp"

namespace cormack::CORMACK_ISA {

using Word = std::uint64_t;
constexpr std::int64_t kBlock = 8;

static Word shifted(const Word* words, int shift) {
  return shift == 0 ? words[0] : words[0] >> shift | words[1] << (64 - shift);
}

// The words that start `shift` bits after those at `from`, and of those in `block`.
static void conjoin(Word* block, const Word* from, int shift) {
  if (shift == 0) {
    for (std::int64_t k = 0; k < kBlock; ++k) block[k] &= from[k];
  } else {
    for (std::int64_t k = 0; k < kBlock; ++k) block[k] &= from[k] >> shift | from[k + 1] << (64 - shift);
  }
}

static void both(const Word* a, int shift_a, const Word* b, int shift_b, Word* out, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    Word block[kBlock];
    for (std::int64_t k = 0; k < kBlock; ++k) block[k] = ~Word{0};
    conjoin(block, a + i, shift_a);
    conjoin(block, b + i, shift_b);
    for (std::int64_t k = 0; k < kBlock; ++k) out[i + k] = block[k];
  }
  for (; i < n; ++i) out[i] = shifted(a + i, shift_a) & shifted(b + i, shift_b);
}

static void ahead(Word* row, std::int64_t distance, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    Word block[kBlock];
    for (std::int64_t k = 0; k < kBlock; ++k) block[k] = row[i + k] & row[i + distance + k];
    for (std::int64_t k = 0; k < kBlock; ++k) row[i + k] = block[k];
  }
  for (; i < n; ++i) row[i] &= row[i + distance];
}

// So many vectors of `all`, which stay in registers while the places of the footprint pass by.
template <int vectors>
static void join(Word* out, bool start, const Word* from, const std::int64_t* offsets, std::int64_t count, Word flip) {
  constexpr std::int64_t step = Vec<Word>::size;
  Vec<Word> sums[vectors];
  for (int k = 0; k < vectors; ++k) sums[k] = start ? Vec<Word>::fill(~Word{0}) : Vec<Word>::load(out + k * step);
  for (std::int64_t place = 0; place < count; ++place) {
    const Word* words = from + offsets[place];
    for (int k = 0; k < vectors; ++k) sums[k] = sums[k] & Vec<Word>::load(words + k * step);
  }
  for (int k = 0; k < vectors; ++k) sums[k].store(out + k * step);
  if (flip == 0) return;
  for (std::int64_t k = 0; k < vectors * step; ++k) out[k] ^= flip;
}

static void all(Word* out, bool start, const Word* from, const std::int64_t* offsets, std::int64_t count, Word flip,
                std::int64_t n) {
  constexpr std::int64_t step = Vec<Word>::size;
  std::int64_t i = 0;
  for (; i + 8 * step <= n; i += 8 * step) join<8>(out + i, start, from + i, offsets, count, flip);
  for (; i + step <= n; i += step) join<1>(out + i, start, from + i, offsets, count, flip);
  for (; i < n; ++i) {
    Word sum = start ? ~Word{0} : out[i];
    for (std::int64_t place = 0; place < count; ++place) sum &= from[offsets[place] + i];
    out[i] = sum ^ flip;
  }
}

extern const BinaryMorphologyRows binary_morphology_rows;
const BinaryMorphologyRows binary_morphology_rows{both, ahead, all};

}  // namespace cormack::CORMACK_ISA
