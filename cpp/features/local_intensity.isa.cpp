// Rows are contiguous and do not overlap.
#include "features/local_intensity_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class Sum>
static void chords(const Sum* prefix, std::int64_t length, Sum* __restrict dst, std::int64_t n) {
  const Sum* end = prefix + length;
  for (std::int64_t i = 0; i < n; ++i) dst[i] = end[i] - prefix[i];
}

template <class Sum>
static void sum(const Sum* const* rows, std::int64_t count, Sum* __restrict dst, std::int64_t n) {
  // As much as stays in registers while the rows go by.
  constexpr std::int64_t block = 256 / sizeof(Sum);
  std::int64_t first = 0;
  for (; first + block <= n; first += block) {
    Sum total[block];
    for (std::int64_t i = 0; i < block; ++i) total[i] = rows[0][first + i];
    for (std::int64_t k = 1; k < count; ++k) {
      const Sum* row = rows[k] + first;
      for (std::int64_t i = 0; i < block; ++i) total[i] += row[i];
    }
    for (std::int64_t i = 0; i < block; ++i) dst[first + i] = total[i];
  }
  for (; first < n; ++first) {
    Sum total = rows[0][first];
    for (std::int64_t k = 1; k < count; ++k) total += rows[k][first];
    dst[first] = total;
  }
}

template <class Sum>
static void add(const Sum* src, Sum* __restrict dst, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dst[i] += src[i];
}

extern const LocalIntensityRows local_intensity_rows;
const LocalIntensityRows local_intensity_rows{{chords<std::uint32_t>, sum<std::uint32_t>, add<std::uint32_t>},
                                              {chords<double>, sum<double>, add<double>}};

}  // namespace cormack::CORMACK_ISA
