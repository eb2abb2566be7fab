// Values are contiguous. min(value, so_far) and max(so_far, value) keep what was there where the value is NaN.
#include "core/vec.hpp"
#include "enhance/minmax_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static bool row(const T* values, std::int64_t n, T* low, T* high) {
  using V = Vec<T>;
  T lowest = *low, highest = *high;
  std::int64_t i = 0;
  if (n >= 2 * V::size) {
    T lanes[V::size];
    for (T& lane : lanes) lane = lowest;
    V low_a = V::load(lanes), low_b = low_a;
    for (T& lane : lanes) lane = highest;
    V high_a = V::load(lanes), high_b = high_a;
    for (; i + 2 * V::size <= n; i += 2 * V::size) {
      const V a = V::load(values + i), b = V::load(values + i + V::size);
      low_a = min(a, low_a);
      low_b = min(b, low_b);
      high_a = max(high_a, a);
      high_b = max(high_b, b);
    }
    min(low_a, low_b).store(lanes);
    for (const T lane : lanes) lowest = lane < lowest ? lane : lowest;
    max(high_a, high_b).store(lanes);
    for (const T lane : lanes) highest = lane > highest ? lane : highest;
  }
  for (; i < n; ++i) {
    lowest = values[i] < lowest ? values[i] : lowest;
    highest = values[i] > highest ? values[i] : highest;
  }
  *low = lowest;
  *high = highest;
  int nan = 0;
  if constexpr (std::is_floating_point_v<T>) {
    for (i = 0; i < n; ++i) nan |= values[i] != values[i];
  }
  return nan != 0;
}

extern const MinMaxRows minmax_rows;
const MinMaxRows minmax_rows{{row<std::uint8_t>, row<std::int8_t>, row<std::uint16_t>, row<std::int16_t>,
                              row<std::uint32_t>, row<std::int32_t>, row<float>, row<double>}};

}  // namespace cormack::CORMACK_ISA
