#include <type_traits>

#include "detect/zero_crossings_rows.hpp"

namespace cormack::CORMACK_ISA {

// Exact for the values of T, and for their magnitudes and differences.
template <class T>
using Exact = std::conditional_t<std::is_same_v<T, float> || sizeof(T) <= 2, float, double>;

template <bool later, class V>
static inline int crosses(V here, V there, V threshold) {
  const V a = here < 0 ? -here : here, b = there < 0 ? -there : there,
          jump = here < there ? there - here : here - there;
  const int changes = (here < 0 && there > 0) | (here > 0 && there < 0) | (here == 0 && there != 0 && there == there) |
                      (here != 0 && there == 0 && here == here);
  const int closer = later ? a <= b : a < b;
  return changes & closer & (jump >= threshold);
}

template <bool later, class T>
static inline void compare(std::uint8_t* __restrict out, const T* row, const T* other, Exact<T> threshold,
                           std::int64_t n) {
  using V = Exact<T>;
  for (std::int64_t i = 0; i < n; ++i)
    out[i] =
        static_cast<std::uint8_t>(out[i] | crosses<later>(static_cast<V>(row[i]), static_cast<V>(other[i]), threshold));
}

template <class T>
static void mark(std::uint8_t* out, const T* row, const T* const* near, int pairs, double threshold, std::int64_t n) {
  const auto least = static_cast<Exact<T>>(threshold);
  for (std::int64_t i = 0; i < n; ++i) out[i] = 0;
  compare<false>(out + 1, row + 1, row, least, n - 1);
  compare<true>(out, row, row + 1, least, n - 1);
  for (int k = 0; k < pairs; ++k) {
    compare<false>(out, row, near[2 * k], least, n);
    compare<true>(out, row, near[2 * k + 1], least, n);
  }
}

extern const ZeroCrossingRows zero_crossing_rows;
const ZeroCrossingRows zero_crossing_rows{{mark<std::uint8_t>, mark<std::int8_t>, mark<std::uint16_t>,
                                           mark<std::int16_t>, mark<std::uint32_t>, mark<std::int32_t>, mark<float>,
                                           mark<double>}};

}  // namespace cormack::CORMACK_ISA
