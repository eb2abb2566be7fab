#pragma once
// NumPy arrays as images. Python has checked the user's arguments; here is checked what memory safety needs.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <bit>
#include <optional>
#include <string>
#include <vector>

#include "core/image.hpp"

namespace cormack::bindings {

namespace py = pybind11;
using namespace pybind11::literals;

inline DType dtype_of_array(const py::array& array, const char* argument) {
  const py::dtype dtype = array.dtype();
  const char order = dtype.byteorder();
  const auto size = array.itemsize();
  // NumPy writes this machine's order as '=', but keeps an order that was asked for by name.
  constexpr char native = std::endian::native == std::endian::little ? '<' : '>';
  if (order == '=' || order == '|' || order == native) {
    switch (dtype.kind()) {
      case 'b':
        return DType::boolean;
      case 'u':
        if (size == 1) return DType::u8;
        if (size == 2) return DType::u16;
        if (size == 4) return DType::u32;
        break;
      case 'i':
        if (size == 1) return DType::i8;
        if (size == 2) return DType::i16;
        if (size == 4) return DType::i32;
        break;
      case 'f':
        if (size == 4) return DType::f32;
        if (size == 8) return DType::f64;
        break;
      default:
        break;
    }
  }
  throw py::type_error(std::string("`") + argument + "` has a dtype that no kernel takes");
}

enum class Access { read, write };

// The view borrows the array's memory: the array must outlive it.
inline Image image_of(const py::array& array, const char* argument, Access access = Access::read) {
  Image image;
  image.dtype = dtype_of_array(array, argument);
  const auto ndim = array.ndim();
  if (ndim != 2 && ndim != 3) throw py::value_error(std::string("`") + argument + "` must be 2-D or 3-D");
  if (access == Access::write && !array.writeable())
    throw py::value_error(std::string("`") + argument + "` is read-only");
  image.ndim = static_cast<int>(ndim);
  image.data = const_cast<void*>(array.data());
  const auto item = static_cast<std::int64_t>(array.itemsize());
  if (reinterpret_cast<std::uintptr_t>(image.data) % static_cast<std::uintptr_t>(item) != 0)
    throw py::value_error(std::string("`") + argument + "` is not aligned");
  const auto first = static_cast<std::size_t>(3 - image.ndim);
  image.shape[0] = 1;
  image.stride[0] = 0;
  for (std::size_t axis = 0; axis < static_cast<std::size_t>(image.ndim); ++axis) {
    const auto stride = static_cast<std::int64_t>(array.strides(static_cast<py::ssize_t>(axis)));
    if (stride % item != 0) throw py::value_error(std::string("`") + argument + "` has strides that split its items");
    image.shape[first + axis] = static_cast<std::int64_t>(array.shape(static_cast<py::ssize_t>(axis)));
    image.stride[first + axis] = stride / item;
  }
  return image;
}

inline void check_same_shape(const Image& a, const char* a_name, const Image& b, const char* b_name) {
  if (a.ndim != b.ndim || a.shape != b.shape)
    throw py::value_error(std::string("`") + a_name + "` and `" + b_name + "` must have one shape");
}

inline void check_same_dtype(const Image& a, const char* a_name, const Image& b, const char* b_name) {
  if (a.dtype != b.dtype)
    throw py::type_error(std::string("`") + a_name + "` and `" + b_name + "` must have one dtype");
}

// A mask of an image: bool or uint8, of its shape. None stays empty.
inline std::optional<Image> mask_of(const std::optional<py::array>& mask, const Image& image) {
  if (!mask) return std::nullopt;
  const Image inside = image_of(*mask, "mask");
  if (inside.dtype != DType::boolean && inside.dtype != DType::u8) throw py::type_error("`mask` must be bool or uint8");
  check_same_shape(image, "image", inside, "mask");
  return inside;
}

// Puts one value per axis of a 2-D or 3-D image into its axes, which are always (z, y, x).
template <class Axis, class Member, class Value>
void set_axes(std::array<Axis, 3>& axes, Member Axis::* member, const std::vector<Value>& values, const Image& image) {
  const auto ndim = static_cast<std::size_t>(image.ndim);
  if (values.size() != ndim) throw py::value_error("a setting must have one value for each axis");
  for (std::size_t i = 0; i < ndim; ++i) axes[3 - ndim + i].*member = static_cast<Member>(values[i]);
}

}  // namespace cormack::bindings
