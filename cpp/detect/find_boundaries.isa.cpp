// Rows are contiguous. The bits in which labels differ are joined, and compared with zero once.
#include <type_traits>

#include "detect/find_boundaries_rows.hpp"

namespace cormack::CORMACK_ISA {

constexpr std::int64_t kBlock = 1024;

// Joins to `bits` those in which pixels [begin, begin + n) differ from the ones `step` after them in another row.
template <class T, class U, class Keep>
static inline void join(const T* row, const T* other, std::int64_t step, std::int64_t begin, std::int64_t n,
                        std::int64_t length, U* bits, Keep keep) {
  const std::int64_t from = begin + step < 0 ? -step : begin;
  const std::int64_t to = begin + n + step > length ? length - step : begin + n;
  for (std::int64_t x = from; x < to; ++x) {
    const T there = other[x + step];
    bits[x - begin] =
        static_cast<U>(bits[x - begin] | (keep(there) ? static_cast<U>(row[x]) ^ static_cast<U>(there) : 0));
  }
}

template <class T, class U, class Keep>
static inline void join_all(const BoundaryRow<T>& row, const BoundaryRows<T>& others, std::int64_t begin,
                            std::int64_t n, U* bits, Keep keep) {
  for (std::int64_t x = 0; x < n; ++x) bits[x] = 0;
  for (int k = 0; k < others.count; ++k) {
    if (others.straight[k]) join(row.row, others.rows[k], 0, begin, n, row.n, bits, keep);
    if (!others.diagonal[k]) continue;
    join(row.row, others.rows[k], -1, begin, n, row.n, bits, keep);
    join(row.row, others.rows[k], 1, begin, n, row.n, bits, keep);
  }
}

template <class T>
static void boundaries(const BoundaryRow<T>& row, std::uint8_t* dst) {
  using U = std::make_unsigned_t<T>;
  U bits[kBlock], other[kBlock];
  const T background = row.background;
  for (std::int64_t begin = 0; begin < row.n; begin += kBlock) {
    const std::int64_t n = row.n - begin < kBlock ? row.n - begin : kBlock;
    const T* here = row.row + begin;
    std::uint8_t* out = dst + begin;
    join_all(row, row.neighbours, begin, n, bits, [](T) { return true; });
    if (row.mode == 0 || (row.mode == 1 && !row.has_background)) {
      for (std::int64_t x = 0; x < n; ++x) out[x] = bits[x] != 0;
    } else if (row.mode == 1) {
      for (std::int64_t x = 0; x < n; ++x) out[x] = bits[x] != 0 && here[x] != background;
    } else if (!row.has_background) {
      for (std::int64_t x = 0; x < n; ++x) out[x] = bits[x] != 0;
    } else {
      join_all(row, row.all, begin, n, other, [background](T there) { return there != background; });
      for (std::int64_t x = 0; x < n; ++x) out[x] = bits[x] != 0 && (here[x] == background || other[x] != 0);
    }
  }
}

extern const FindBoundariesRows find_boundaries_rows;
const FindBoundariesRows find_boundaries_rows{{boundaries<std::uint8_t>, boundaries<std::int8_t>,
                                               boundaries<std::uint16_t>, boundaries<std::int16_t>,
                                               boundaries<std::uint32_t>, boundaries<std::int32_t>, nullptr, nullptr}};

}  // namespace cormack::CORMACK_ISA
