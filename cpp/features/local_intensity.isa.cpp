// Rows are contiguous and do not overlap.
#include "core/vec.hpp"
#include "features/local_intensity_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class Sum>
static void chords(const Sum* prefix, std::int64_t length, Sum* __restrict dst, std::int64_t n) {
  const Sum* end = prefix + length;
  for (std::int64_t i = 0; i < n; ++i) dst[i] = end[i] - prefix[i];
}

// Vec: left to itself, g++ 12 keeps the totals in memory and adds scalars.
template <class Sum, int vectors>
static void sum_block(const Sum* const* rows, std::int64_t count, Sum* dst, std::int64_t first) {
  using V = Vec<Sum>;
  V total[vectors];
  for (int i = 0; i < vectors; ++i) total[i] = V::load(rows[0] + first + i * V::size);
  for (std::int64_t k = 1; k < count; ++k) {
    const Sum* row = rows[k] + first;
    for (int i = 0; i < vectors; ++i) total[i] = total[i] + V::load(row + i * V::size);
  }
  for (int i = 0; i < vectors; ++i) total[i].store(dst + first + i * V::size);
}

template <class Sum>
static void sum(const Sum* const* rows, std::int64_t count, Sum* dst, std::int64_t n) {
  constexpr std::int64_t size = Vec<Sum>::size;
  static_assert(kChordPad % size == 0);
  // As much as stays in registers while the rows go by.
  std::int64_t first = 0;
  for (; first + 8 * size <= n; first += 8 * size) sum_block<Sum, 8>(rows, count, dst, first);
  for (; first + 4 * size <= n; first += 4 * size) sum_block<Sum, 4>(rows, count, dst, first);
  for (; first < n; first += size) sum_block<Sum, 1>(rows, count, dst, first);
}

template <class Sum>
static std::int32_t highest(const Sum* sums, const std::uint8_t* mask, std::int64_t n) {
  std::int32_t result = INT32_MIN;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int32_t value = mask[i] != 0 ? static_cast<std::int32_t>(sums[i]) : INT32_MIN;
    result = value > result ? value : result;
  }
  return result;
}

template <class Sum>
static void add(const Sum* src, Sum* __restrict dst, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dst[i] += src[i];
}

extern const LocalIntensityRows local_intensity_rows;
const LocalIntensityRows local_intensity_rows{highest<std::uint32_t>,
                                              {chords<std::uint32_t>, sum<std::uint32_t>, add<std::uint32_t>},
                                              {chords<double>, sum<double>, add<double>}};

}  // namespace cormack::CORMACK_ISA
