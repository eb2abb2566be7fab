#include "detect/peaks_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static std::int64_t equal(const T* a, const T* b, std::int64_t n, std::uint8_t* flags) {
  for (std::int64_t x = 0; x < n; ++x) flags[x] = a[x] == b[x];
  std::int64_t count = 0;
  for (std::int64_t x = 0; x < n; ++x) count += flags[x];
  return count;
}

template <class T>
static std::int64_t candidates(const T* row, const T* up, const T* down, const T* front, const T* back, std::int64_t n,
                               double threshold, std::uint8_t* flags) {
  // One comparison with the largest neighbour; NaN is settled by the full test later.
  for (std::int64_t x = 0; x < n; ++x) {
    T largest = up[x] > down[x] ? up[x] : down[x];
    const T other = front[x] > back[x] ? front[x] : back[x];
    largest = largest > other ? largest : other;
    flags[x] = (row[x] >= largest) & (static_cast<double>(row[x]) > threshold);
  }
  for (std::int64_t x = 1; x < n; ++x) {
    flags[x] &= row[x] >= row[x - 1];
    flags[x - 1] &= row[x - 1] >= row[x];
  }
  std::int64_t count = 0;
  for (std::int64_t x = 0; x < n; ++x) count += flags[x];
  return count;
}

extern const PeaksRows peaks_rows;
const PeaksRows peaks_rows{{equal<std::uint8_t>, equal<std::int8_t>, equal<std::uint16_t>, equal<std::int16_t>,
                            equal<std::uint32_t>, equal<std::int32_t>, equal<float>, equal<double>},
                           {candidates<float>, candidates<double>}};

}  // namespace cormack::CORMACK_ISA
