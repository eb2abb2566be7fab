#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "filters/correlate.hpp"
#include "filters/gaussian_derivatives.hpp"
#include "filters/masked_filter.hpp"
#include "filters/unsharp_mask.hpp"

namespace cormack::bindings {
namespace {

using Weights = std::vector<std::vector<double>>;

std::array<AxisTaps, 3> taps_of(const Image& image, const Weights& weights, const std::vector<std::int64_t>& left,
                                const std::vector<int>& border, const std::vector<double>& outside) {
  std::array<AxisTaps, 3> axes;
  set_axes(axes, &AxisTaps::weights, weights, image);
  set_axes(axes, &AxisTaps::left, left, image);
  set_axes(axes, &AxisTaps::border, border, image);
  set_axes(axes, &AxisTaps::outside, outside, image);
  return axes;
}

template <class Operation>
auto derivatives(Operation operation) {
  return [operation](const py::array& src, const py::array& dst, const std::vector<double>& sigma,
                     const std::vector<double>& scale, const std::vector<std::int64_t>& radius,
                     const std::vector<int>& border, int count, double cval, int workers) {
    const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
    check_same_shape(in, "src", out, "dst");
    GaussianDerivatives filter;
    set_axes(filter.axes, &DerivativeAxis::sigma, sigma, in);
    set_axes(filter.axes, &DerivativeAxis::scale, scale, in);
    set_axes(filter.axes, &DerivativeAxis::radius, radius, in);
    set_axes(filter.axes, &DerivativeAxis::border, border, in);
    for (const DerivativeAxis& axis : filter.axes)
      if (axis.radius < 0) throw py::value_error("`radius` is negative");
    filter.count = count;
    filter.cval = cval;
    const py::gil_scoped_release released;
    operation(in, out, filter, Context{workers});
  };
}

}  // namespace

void define_convolution_filters(py::module_& module) {
  module.def(
      "correlate_axes",
      [](const py::array& src, const py::array& dst, const Weights& weights, const std::vector<std::int64_t>& left,
         const std::vector<int>& border, const std::vector<double>& outside, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        const std::array<AxisTaps, 3> axes = taps_of(in, weights, left, border, outside);
        const py::gil_scoped_release released;
        cpu::correlate_axes(in, out, axes, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "weights"_a, "left"_a, "border"_a, "outside"_a, "workers"_a = 0);

  module.def(
      "correlate_window",
      [](const py::array& src, const py::array& dst, const py::array& weights, const std::vector<std::int64_t>& left,
         const std::vector<int>& border, double outside, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        if (weights.ndim() != in.ndim || dtype_of_array(weights, "weights") != DType::f64 ||
            !(weights.flags() & py::array::c_style))
          throw py::value_error("`weights` must be contiguous float64, with one axis for each of `src`");
        Window window;
        const auto ndim = static_cast<std::size_t>(in.ndim);
        if (left.size() != ndim || border.size() != ndim)
          throw py::value_error("a setting must have one value for each axis");
        for (std::size_t axis = 0; axis < ndim; ++axis) {
          window.shape[3 - ndim + axis] = static_cast<std::int64_t>(weights.shape(static_cast<py::ssize_t>(axis)));
          window.left[3 - ndim + axis] = left[axis];
          window.border[3 - ndim + axis] = static_cast<Border>(border[axis]);
        }
        const double* values = static_cast<const double*>(weights.data());
        window.weights.assign(values, values + weights.size());
        window.outside = outside;
        const py::gil_scoped_release released;
        cpu::correlate_window(in, out, window, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "weights"_a.noconvert(), "left"_a, "border"_a, "outside"_a,
      "workers"_a = 0);

  module.def(
      "unsharp_mask",
      [](const py::array& src, const py::array& dst, const Weights& weights, const std::vector<std::int64_t>& left,
         const std::vector<int>& border, const std::vector<double>& outside, double amount, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        const std::array<AxisTaps, 3> axes = taps_of(in, weights, left, border, outside);
        const py::gil_scoped_release released;
        cpu::unsharp_mask(in, out, axes, amount, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "weights"_a, "left"_a, "border"_a, "outside"_a, "amount"_a,
      "workers"_a = 0);

  module.def(
      "masked_filter",
      [](const py::array& src, const std::optional<py::array>& mask, const py::array& dst, const Weights& weights,
         const std::vector<std::int64_t>& left, const std::vector<int>& border, bool skip_nan, bool exact, double fill,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        const std::optional<Image> inside = mask_of(mask, in);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        MaskedFilter filter;
        filter.axes = taps_of(in, weights, left, border, std::vector<double>(static_cast<std::size_t>(in.ndim)));
        filter.skip_nan = skip_nan;
        filter.exact = exact;
        filter.fill = fill;
        const py::gil_scoped_release released;
        cpu::masked_filter(in, inside ? &*inside : nullptr, out, filter, {workers});
      },
      "src"_a.noconvert(), "mask"_a.noconvert(), "dst"_a.noconvert(), "weights"_a, "left"_a, "border"_a, "skip_nan"_a,
      "exact"_a, "fill"_a, "workers"_a = 0);

  module.def("gaussian_laplace", derivatives(&cpu::gaussian_laplace), "src"_a.noconvert(), "dst"_a.noconvert(),
             "sigma"_a, "scale"_a, "radius"_a, "border"_a, "count"_a, "cval"_a, "workers"_a = 0);
  module.def("gaussian_gradient_magnitude", derivatives(&cpu::gaussian_gradient_magnitude), "src"_a.noconvert(),
             "dst"_a.noconvert(), "sigma"_a, "scale"_a, "radius"_a, "border"_a, "count"_a, "cval"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
