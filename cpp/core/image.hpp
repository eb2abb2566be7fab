#pragma once
// Views of images: no ownership, no allocation, no Python.
#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <type_traits>

namespace cormack {

enum class DType : std::uint8_t { boolean, u8, i8, u16, i16, u32, i32, f32, f64 };

inline constexpr std::size_t item_size(DType dtype) {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
    case DType::i8:
      return 1;
    case DType::u16:
    case DType::i16:
      return 2;
    case DType::u32:
    case DType::i32:
    case DType::f32:
      return 4;
    case DType::f64:
      break;
  }
  return 8;
}

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, bool>) return DType::boolean;
  else if constexpr (std::is_same_v<T, std::uint8_t>) return DType::u8;
  else if constexpr (std::is_same_v<T, std::int8_t>) return DType::i8;
  else if constexpr (std::is_same_v<T, std::uint16_t>) return DType::u16;
  else if constexpr (std::is_same_v<T, std::int16_t>) return DType::i16;
  else if constexpr (std::is_same_v<T, std::uint32_t>) return DType::u32;
  else if constexpr (std::is_same_v<T, std::int32_t>) return DType::i32;
  else if constexpr (std::is_same_v<T, float>) return DType::f32;
  else {
    static_assert(std::is_same_v<T, double>, "not a pixel type");
    return DType::f64;
  }
}

// A typed view in axis order (z, y, x). A 2-D image has one slice. Strides are in elements, of any sign; zero repeats.
template <class T>
struct View {
  T* data = nullptr;
  std::array<std::int64_t, 3> shape{};
  std::array<std::int64_t, 3> stride{};

  T* row(std::int64_t z, std::int64_t y) const { return data + z * stride[0] + y * stride[1]; }
  T& at(std::int64_t z, std::int64_t y, std::int64_t x) const { return row(z, y)[x * stride[2]]; }
  std::int64_t size() const { return shape[0] * shape[1] * shape[2]; }
  bool unit_rows() const { return stride[2] == 1 || shape[2] <= 1; }
  bool contiguous() const {
    return unit_rows() && (stride[1] == shape[2] || shape[1] <= 1) &&
           (stride[0] == shape[1] * shape[2] || shape[0] <= 1);
  }
};

// A view whose pixel type is known at run time: what crosses the bindings and the public C++ functions.
struct Image {
  void* data = nullptr;
  DType dtype{};
  int ndim = 3;                          // 2 or 3; axis 0 has length 1 when it is 2
  std::array<std::int64_t, 3> shape{};   // (z, y, x)
  std::array<std::int64_t, 3> stride{};  // elements

  // bool images are read and written as uint8 0 and 1.
  template <class T>
  View<T> view() const {
    using Value = std::remove_const_t<T>;
    const bool same = dtype == dtype_of<Value>() || (dtype == DType::boolean && std::is_same_v<Value, std::uint8_t>);
    if (!same) throw std::invalid_argument("cormack: an image was viewed with another pixel type than its own");
    return {static_cast<T*>(data), shape, stride};
  }
  std::int64_t size() const { return shape[0] * shape[1] * shape[2]; }
};

// How a call runs: threads on the CPU (0: the library's setting), the stream on a GPU.
struct Context {
  int workers = 0;
  std::uintptr_t stream = 0;
};

// Calls f with a value of the pixel type, for f's type deduction alone. bool comes as uint8.
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
      return f(std::uint8_t{});
    case DType::i8:
      return f(std::int8_t{});
    case DType::u16:
      return f(std::uint16_t{});
    case DType::i16:
      return f(std::int16_t{});
    case DType::u32:
      return f(std::uint32_t{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::f32:
      return f(float{});
    case DType::f64:
      break;
  }
  return f(double{});
}

}  // namespace cormack
