#include <cstdint>
#include <limits>
#include <type_traits>

#include "filters/difference_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static void subtract(const T* a, const T* b, T* out, std::int64_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = a[i] - b[i];
  } else if constexpr (std::is_unsigned_v<T>) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<T>((a[i] > b[i] ? a[i] : b[i]) - b[i]);
  } else {
    using Wide = std::conditional_t<sizeof(T) == 4, std::int64_t, std::int32_t>;
    constexpr Wide low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
    for (std::int64_t i = 0; i < n; ++i) {
      Wide value = static_cast<Wide>(a[i]) - static_cast<Wide>(b[i]);
      value = value > low ? value : low;
      out[i] = static_cast<T>(value < high ? value : high);
    }
  }
}

extern const DifferenceRows difference_rows;
const DifferenceRows difference_rows{{subtract<std::uint8_t>, subtract<std::int8_t>, subtract<std::uint16_t>,
                                      subtract<std::int16_t>, subtract<std::uint32_t>, subtract<std::int32_t>,
                                      subtract<float>, subtract<double>}};

}  // namespace cormack::CORMACK_ISA
