#include "core/saturate.hpp"
#include "filters/unsharp_mask_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static void sharpen(T* out, const T* pixels, const TapWork<T>* smooth, TapWork<T> amount, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto value = static_cast<TapWork<T>>(pixels[i]);
    out[i] = saturate<T>(value + amount * (value - smooth[i]));
  }
}

extern const UnsharpMaskRows unsharp_mask_rows;
const UnsharpMaskRows unsharp_mask_rows{{sharpen<std::uint8_t>, sharpen<std::int8_t>, sharpen<std::uint16_t>,
                                         sharpen<std::int16_t>, sharpen<std::uint32_t>, sharpen<std::int32_t>,
                                         sharpen<float>, sharpen<double>}};

}  // namespace cormack::CORMACK_ISA
