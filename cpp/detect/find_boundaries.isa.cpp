// Rows are contiguous. The bits in which labels differ are joined, and compared with zero once.
#include <type_traits>

#include "detect/find_boundaries_rows.hpp"

namespace cormack::CORMACK_ISA {

constexpr std::int64_t kBlock = 1024;

// Joins to `bits` those in which pixels [begin, begin + n) differ from the ones `step` after them in another row; with
// `objects` only from those that are not background. Plain arithmetic, so that compilers make vectors of it.
template <bool objects, class T, class U>
static inline void join(const BoundaryRow<T>& row, const T* other, std::int64_t step, std::int64_t begin,
                        std::int64_t n, U* bits) {
  const T* here = row.row;
  const T background = row.background;
  const std::int64_t from = begin + step < 0 ? -step : begin;
  const std::int64_t to = begin + n + step > row.n ? row.n - step : begin + n;
  for (std::int64_t x = from; x < to; ++x) {
    const T there = other[x + step];
    U differ = static_cast<U>(static_cast<U>(here[x]) ^ static_cast<U>(there));
    if constexpr (objects) differ = static_cast<U>(differ & static_cast<U>(-static_cast<U>(there != background)));
    bits[x - begin] = static_cast<U>(bits[x - begin] | differ);
  }
}

template <bool objects, class T, class U>
static inline void join_all(const BoundaryRow<T>& row, const BoundaryRows<T>& others, std::int64_t begin,
                            std::int64_t n, U* bits) {
  for (std::int64_t x = 0; x < n; ++x) bits[x] = 0;
  for (int k = 0; k < others.count; ++k) {
    if (others.straight[k]) join<objects>(row, others.rows[k], 0, begin, n, bits);
    if (!others.diagonal[k]) continue;
    join<objects>(row, others.rows[k], -1, begin, n, bits);
    join<objects>(row, others.rows[k], 1, begin, n, bits);
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
    join_all<false>(row, row.neighbours, begin, n, bits);
    switch (row.part) {
      case BoundaryPart::all:
        for (std::int64_t x = 0; x < n; ++x) out[x] = bits[x] != 0;
        break;
      case BoundaryPart::objects:
        for (std::int64_t x = 0; x < n; ++x)
          out[x] = static_cast<std::uint8_t>((bits[x] != 0) & (here[x] != background));
        break;
      case BoundaryPart::background:
        for (std::int64_t x = 0; x < n; ++x)
          out[x] = static_cast<std::uint8_t>((bits[x] != 0) & (here[x] == background));
        break;
      case BoundaryPart::background_and_touching:
        join_all<true>(row, row.all, begin, n, other);
        for (std::int64_t x = 0; x < n; ++x)
          out[x] = static_cast<std::uint8_t>((bits[x] != 0) & ((here[x] == background) | (other[x] != 0)));
        break;
    }
  }
}

extern const FindBoundariesRows find_boundaries_rows;
const FindBoundariesRows find_boundaries_rows{{boundaries<std::uint8_t>, boundaries<std::int8_t>,
                                               boundaries<std::uint16_t>, boundaries<std::int16_t>,
                                               boundaries<std::uint32_t>, boundaries<std::int32_t>, nullptr, nullptr}};

}  // namespace cormack::CORMACK_ISA
