#pragma once
// A function pointer for each pixel type, for tables that *.isa.cpp files fill.
#include "core/image.hpp"

namespace cormack {

// Function<T> is the pointer type for pixel type T.
template <template <class> class Function>
struct DTypeTable {
  Function<std::uint8_t> u8;
  Function<std::int8_t> i8;
  Function<std::uint16_t> u16;
  Function<std::int16_t> i16;
  Function<std::uint32_t> u32;
  Function<std::int32_t> i32;
  Function<float> f32;
  Function<double> f64;

  template <class T>
  Function<T> get() const {
    if constexpr (std::is_same_v<T, std::uint8_t>) return u8;
    else if constexpr (std::is_same_v<T, std::int8_t>) return i8;
    else if constexpr (std::is_same_v<T, std::uint16_t>) return u16;
    else if constexpr (std::is_same_v<T, std::int16_t>) return i16;
    else if constexpr (std::is_same_v<T, std::uint32_t>) return u32;
    else if constexpr (std::is_same_v<T, std::int32_t>) return i32;
    else if constexpr (std::is_same_v<T, float>) return f32;
    else return f64;
  }
};

}  // namespace cormack
