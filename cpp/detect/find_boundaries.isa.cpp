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

// The same for neighbours along one axis alone, in one loop. Beyond the image lies the pixel itself, which is equal.
template <class T, class U>
static inline void join_faces(const BoundaryRow<T>& row, std::int64_t begin, std::int64_t n, U* bits) {
  const T *here = row.row + begin, *around[4] = {here, here, here, here};
  for (int k = 0, count = 0; k < row.neighbours.count; ++k)
    if (row.neighbours.straight[k]) around[count++] = row.neighbours.rows[k] + begin;
  const T *a = around[0], *b = around[1], *c = around[2], *d = around[3];
  const auto differ = [&](std::int64_t x, std::int64_t left, std::int64_t right) {
    const T v = here[x];
    return static_cast<U>((v ^ here[left]) | (v ^ here[right]) | (v ^ a[x]) | (v ^ b[x]) | (v ^ c[x]) | (v ^ d[x]));
  };
  const bool first = begin == 0, last = begin + n == row.n;
  if (first) bits[0] = differ(0, 0, n > 1 || !last ? 1 : 0);
  for (std::int64_t x = first; x < n - last; ++x) bits[x] = differ(x, x - 1, x + 1);
  if (last && n - 1 >= static_cast<std::int64_t>(first)) bits[n - 1] = differ(n - 1, n - 2, n - 1);
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
    if (row.faces) join_faces(row, begin, n, bits);
    else join_all<false>(row, row.neighbours, begin, n, bits);
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
