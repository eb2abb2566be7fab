#include "segment/erode_box.hpp"

#include "core/parallel.hpp"

namespace cormack {
namespace {

using Word = std::uint64_t;
constexpr Word kOnes = ~Word{0};

// Calls shift(k), which turns item i to the conjunction of the items i and i + k, until item i is the conjunction of
// `width` items from i on.
template <class Shift>
void conjoin(std::int64_t width, Shift&& shift) {
  std::int64_t have = 1;
  for (; 2 * have <= width; have *= 2) shift(have);
  if (have < width) shift(width - have);
}

void erode_rows(BitImage& bits, std::int64_t radius, int workers) {
  const std::int64_t count = bits.words, size = count + (2 * radius + 63) / 64 + 1;
  const std::int64_t skip = radius / 64, bit = radius % 64;
  const Word inside = bits.shape[2] % 64 == 0 ? kOnes : (Word{1} << bits.shape[2] % 64) - 1;
  parallel_for(bits.row_count(), bits.grain(), workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<Word> line(size);
    for (std::int64_t r = begin; r < end; ++r) {
      Word* row = bits.row(r);
      std::fill(line.data(), line.data() + size, kOnes);
      for (std::int64_t i = 0; i < count; ++i) {
        const Word off = ~row[i] & (i + 1 == count ? inside : kOnes);
        line[skip + i] &= ~(off << bit);
        if (bit != 0) line[skip + i + 1] &= ~(off >> (64 - bit));
      }
      conjoin(2 * radius + 1, [&](std::int64_t shift) {
        const std::int64_t words = shift / 64, rest = shift % 64;
        const auto at = [&](std::int64_t i) { return i < size ? line[i] : kOnes; };
        for (std::int64_t i = 0; i < size; ++i)
          line[i] &= rest == 0 ? at(i + words) : at(i + words) >> rest | at(i + words + 1) << (64 - rest);
      });
      for (std::int64_t i = 0; i < count; ++i) row[i] = line[i];
      row[count - 1] &= inside;
    }
  });
}

// Rows that lie `step` words apart, `count` of them; `others` such lines, `other_step` apart.
void erode_lines(BitImage& bits, std::int64_t count, std::int64_t step, std::int64_t others, std::int64_t other_step,
                 std::int64_t radius, int workers) {
  const std::int64_t words = bits.words, size = (count + 2 * radius) * words;
  const std::int64_t grain = std::max<std::int64_t>(1, bits.grain() / count);
  parallel_for(others, grain, workers, [&](std::int64_t begin, std::int64_t end) {
    const Scratch<Word> lines(size);
    for (std::int64_t o = begin; o < end; ++o) {
      Word* first = bits.row(0) + o * other_step;
      std::fill(lines.data(), lines.data() + radius * words, kOnes);
      std::fill(lines.data() + (count + radius) * words, lines.data() + size, kOnes);
      for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t w = 0; w < words; ++w) lines[(radius + i) * words + w] = first[i * step + w];
      }
      conjoin(2 * radius + 1, [&](std::int64_t shift) {
        const Word* later = lines.data() + shift * words;
        for (std::int64_t i = 0; i < size - shift * words; ++i) lines[i] &= later[i];
      });
      for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t w = 0; w < words; ++w) first[i * step + w] = lines[i * words + w];
      }
    }
  });
}

}  // namespace

void erode_box(BitImage& bits, const std::array<std::int64_t, 3>& radius, int workers) {
  if (bits.row_count() == 0 || bits.shape[2] == 0) return;
  const auto& shape = bits.shape;
  const auto reach = [&](std::size_t axis) { return std::min(radius[axis], shape[axis] - 1); };
  if (reach(2) > 0) erode_rows(bits, reach(2), workers);
  if (reach(1) > 0) erode_lines(bits, shape[1], bits.row_stride, shape[0], bits.slice_stride, reach(1), workers);
  if (reach(0) > 0) erode_lines(bits, shape[0], bits.slice_stride, shape[1], bits.row_stride, reach(0), workers);
}

}  // namespace cormack
