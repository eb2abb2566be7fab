// Rows are contiguous; a row is one block of the driver (at most a few thousand values, so that it stays in L1).
#include "core/saturate.hpp"
#include "pointwise/linear_map_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T, class F>
static void load(const T* src, F* dst, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dst[i] = static_cast<F>(src[i]);
}

template <class T, class F>
static void store(const F* src, T* dst, std::int64_t n) {
  if constexpr (std::is_integral_v<T> && sizeof(T) >= sizeof(F)) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = saturate<T>(static_cast<double>(src[i]));
  } else {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = saturate<T>(src[i]);
  }
}

template <class F>
static void map(F* row, std::int64_t n, F lower, F upper, F scale, F offset) {
  for (std::int64_t i = 0; i < n; ++i) {
    F value = row[i];
    value = value < lower ? lower : value;
    value = value > upper ? upper : value;
    row[i] = value * scale + offset;
  }
}

extern const LinearMapRows linear_map_rows;
const LinearMapRows linear_map_rows{
    {load<std::uint8_t, float>, load<std::int8_t, float>, load<std::uint16_t, float>, load<std::int16_t, float>,
     load<std::uint32_t, float>, load<std::int32_t, float>, load<float, float>, load<double, float>},
    {load<std::uint8_t, double>, load<std::int8_t, double>, load<std::uint16_t, double>, load<std::int16_t, double>,
     load<std::uint32_t, double>, load<std::int32_t, double>, load<float, double>, load<double, double>},
    {store<std::uint8_t, float>, store<std::int8_t, float>, store<std::uint16_t, float>, store<std::int16_t, float>,
     store<std::uint32_t, float>, store<std::int32_t, float>, store<float, float>, store<double, float>},
    {store<std::uint8_t, double>, store<std::int8_t, double>, store<std::uint16_t, double>, store<std::int16_t, double>,
     store<std::uint32_t, double>, store<std::int32_t, double>, store<float, double>, store<double, double>},
    map<float>,
    map<double>,
};

}  // namespace cormack::CORMACK_ISA
