// Rows of doubles are contiguous and do not overlap.
#include "core/saturate.hpp"
#include "core/vec.hpp"
#include "filters/structured_extremum_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static void load(const T* src, std::int64_t step, double* dst, std::int64_t n) {
  if (step == 1) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = static_cast<double>(src[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = static_cast<double>(src[i * step]);
  }
}

template <class T>
static void store(const double* src, T* dst, std::int64_t step, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) dst[i * step] = saturate<T>(src[i]);
}

static void lower(double* best, const double* values, double height, std::int64_t n) {
  using V = Vec<double>;
  const V heights = V::fill(height);
  std::int64_t i = 0;
  for (; i + V::size <= n; i += V::size) min(V::load(values + i) - heights, V::load(best + i)).store(best + i);
  for (; i < n; ++i) best[i] = values[i] - height < best[i] ? values[i] - height : best[i];
}

static void raise(double* best, const double* values, double height, std::int64_t n) {
  using V = Vec<double>;
  const V heights = V::fill(height);
  std::int64_t i = 0;
  for (; i + V::size <= n; i += V::size) max(V::load(best + i), V::load(values + i) + heights).store(best + i);
  for (; i < n; ++i) best[i] = best[i] < values[i] + height ? values[i] + height : best[i];
}

extern const StructuredExtremumRows structured_extremum_rows;
const StructuredExtremumRows structured_extremum_rows{
    {load<std::uint8_t>, load<std::int8_t>, load<std::uint16_t>, load<std::int16_t>, load<std::uint32_t>,
     load<std::int32_t>, load<float>, load<double>},
    {store<std::uint8_t>, store<std::int8_t>, store<std::uint16_t>, store<std::int16_t>, store<std::uint32_t>,
     store<std::int32_t>, store<float>, store<double>},
    lower,
    raise,
};

}  // namespace cormack::CORMACK_ISA
