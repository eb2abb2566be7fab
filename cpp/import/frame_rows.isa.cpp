#include "import/frame_rows.hpp"

namespace cormack::CORMACK_ISA {

template <class T>
static void prepare(T* values, std::int64_t n, const StoredBits& bits, T* low, T* high) {
  using U = std::make_unsigned_t<T>;
  constexpr int width = 8 * sizeof(T);
  const int above = bits.above, below = bits.below;
  if (above + below != 0) {
    if constexpr (std::is_signed_v<T>) {
      // Shifting up and arithmetically down again copies the sign bit into the unused ones.
      for (std::int64_t i = 0; i < n; ++i)
        values[i] =
            static_cast<T>(static_cast<T>(static_cast<U>(static_cast<U>(values[i]) << above)) >> (above + below));
    } else {
      const U mask = static_cast<U>(static_cast<U>(~U{0}) >> (above + below));
      for (std::int64_t i = 0; i < n; ++i) values[i] = static_cast<T>((values[i] >> below) & mask);
    }
  }
  static_assert(width <= 32);
  if (bits.turned) {
    const U flip = static_cast<U>(bits.flip);
    for (std::int64_t i = 0; i < n; ++i) values[i] = static_cast<T>(static_cast<U>(flip - static_cast<U>(values[i])));
  }
  T lowest = *low, highest = *high;
  for (std::int64_t i = 0; i < n; ++i) {
    lowest = values[i] < lowest ? values[i] : lowest;
    highest = values[i] > highest ? values[i] : highest;
  }
  *low = lowest;
  *high = highest;
}

template <class T, class U>
static void rescale(const T* values, std::int64_t n, std::uint32_t slope, std::uint32_t intercept, U* out) {
  // In 32 bits: uint16 would be promoted to int, whose products overflow.
  if (slope == 1) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<U>(static_cast<std::uint32_t>(values[i]) + intercept);
  } else {
    for (std::int64_t i = 0; i < n; ++i)
      out[i] = static_cast<U>(static_cast<std::uint32_t>(values[i]) * slope + intercept);
  }
}

template <class T>
static void rescale_float(const T* values, std::int64_t n, double slope, double intercept, float* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(static_cast<double>(values[i]) * slope + intercept);
}

static void join_16(const std::uint8_t* planes, std::int64_t n, std::uint16_t* out) {
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<std::uint16_t>(planes[i] << 8 | planes[n + i]);
}

static void join_32(const std::uint8_t* planes, std::int64_t n, std::uint32_t* out) {
  for (std::int64_t i = 0; i < n; ++i)
    out[i] = static_cast<std::uint32_t>(planes[i]) << 24 | static_cast<std::uint32_t>(planes[n + i]) << 16 |
             static_cast<std::uint32_t>(planes[2 * n + i]) << 8 | planes[3 * n + i];
}

extern const FrameRows frame_rows;
const FrameRows frame_rows{
    {prepare<std::uint8_t>, prepare<std::int8_t>, prepare<std::uint16_t>, prepare<std::int16_t>, prepare<std::uint32_t>,
     prepare<std::int32_t>, nullptr, nullptr},
    {rescale<std::uint8_t>, rescale<std::int8_t>, rescale<std::uint16_t>, rescale<std::int16_t>, rescale<std::uint32_t>,
     rescale<std::int32_t>, nullptr, nullptr},
    {rescale<std::uint8_t>, rescale<std::int8_t>, rescale<std::uint16_t>, rescale<std::int16_t>, rescale<std::uint32_t>,
     rescale<std::int32_t>, nullptr, nullptr},
    {rescale_float<std::uint8_t>, rescale_float<std::int8_t>, rescale_float<std::uint16_t>, rescale_float<std::int16_t>,
     rescale_float<std::uint32_t>, rescale_float<std::int32_t>, nullptr, nullptr},
    join_16,
    join_32};

}  // namespace cormack::CORMACK_ISA
