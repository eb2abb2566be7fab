#pragma once
// An image of any pixel type as rows of its working type.
#include <functional>
#include <stdexcept>

#include "filters/float_rows.hpp"

namespace cormack {

// Calls f with a value of the working type of a pixel type.
template <class F>
decltype(auto) dispatch_working(DType dtype, F&& f) {
  if (dtype == DType::f64 || dtype == DType::u32 || dtype == DType::i32) return f(double{});
  return f(float{});
}

template <class T>
using ReadRow = std::function<void(std::int64_t z, std::int64_t y, T* row)>;
template <class T>
using WriteRow = std::function<void(std::int64_t z, std::int64_t y, const T* row)>;

// T is the image's working type.
template <class T>
ReadRow<T> row_reader(const Image& image) {
  return dispatch(image.dtype, [&](auto s) -> ReadRow<T> {
    using S = decltype(s);
    if constexpr (std::is_same_v<WorkingType<S>, T>) {
      return [view = image.view<const S>(), load = float_rows().load.template get<S>()](
                 std::int64_t z, std::int64_t y, T* row) { load(view.row(z, y), view.stride[2], row, view.shape[2]); };
    } else {
      throw std::invalid_argument("cormack: an image is read in another type than its working type");
    }
  });
}

template <class T>
WriteRow<T> row_writer(const Image& image) {
  return dispatch(image.dtype, [&](auto s) -> WriteRow<T> {
    using S = decltype(s);
    if constexpr (std::is_same_v<WorkingType<S>, T>) {
      return [view = image.view<S>(), store = float_rows().store.template get<S>()](std::int64_t z, std::int64_t y,
                                                                                    const T* row) {
        store(row, view.row(z, y), view.stride[2], view.shape[2]);
      };
    } else {
      throw std::invalid_argument("cormack: an image is written from another type than its working type");
    }
  });
}

}  // namespace cormack
