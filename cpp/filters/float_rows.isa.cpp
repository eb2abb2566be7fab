// Image rows with any step, floating-point rows contiguous.
#include "filters/float_rows.hpp"

#include "core/saturate.hpp"
#include "core/vec.hpp"

namespace cormack::CORMACK_ISA {

template <class S>
static void load(const S* src, std::int64_t step, WorkingType<S>* dst, std::int64_t n) {
  using T = WorkingType<S>;
  if (step == 1) {
    // A few rows on, where images are contiguous.
    for (std::int64_t i = 0; i < n; i += static_cast<std::int64_t>(64 / sizeof(S))) prefetch(src + 4 * n + i);
    for (std::int64_t i = 0; i < n; ++i) dst[i] = static_cast<T>(src[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = static_cast<T>(src[i * step]);
  }
}

template <class S>
static void store(const WorkingType<S>* src, S* dst, std::int64_t step, std::int64_t n) {
  if (step == 1) {
    for (std::int64_t i = 0; i < n; ++i) dst[i] = saturate<S>(src[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) dst[i * step] = saturate<S>(src[i]);
  }
}

extern const FloatRows float_rows;
const FloatRows float_rows{{load<std::uint8_t>, load<std::int8_t>, load<std::uint16_t>, load<std::int16_t>,
                            load<std::uint32_t>, load<std::int32_t>, load<float>, load<double>},
                           {store<std::uint8_t>, store<std::int8_t>, store<std::uint16_t>, store<std::int16_t>,
                            store<std::uint32_t>, store<std::int32_t>, store<float>, store<double>}};

}  // namespace cormack::CORMACK_ISA
