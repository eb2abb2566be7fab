#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "filters/gaussian_filter.hpp"
#include "filters/uniform_filter.hpp"

namespace cormack::bindings {

namespace {

// Linear filters convert row by row where the result is floating point.
void check_convertible(const Image& src, const Image& dst) {
  if (dst.dtype != DType::f32 && dst.dtype != DType::f64) check_same_dtype(src, "src", dst, "dst");
}

}  // namespace

void define_linear_filters(py::module_& module) {
  module.def(
      "gaussian_filter",
      [](const py::array& src, const py::array& dst, const std::vector<double>& sigma, const std::vector<int>& order,
         const std::vector<std::int64_t>& radius, const std::vector<int>& border, double cval, double tolerance,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_convertible(in, out);
        std::array<GaussianAxis, 3> axes;
        set_axes(axes, &GaussianAxis::sigma, sigma, in);
        set_axes(axes, &GaussianAxis::order, order, in);
        set_axes(axes, &GaussianAxis::radius, radius, in);
        set_axes(axes, &GaussianAxis::border, border, in);
        const py::gil_scoped_release released;
        cpu::gaussian_filter(in, out, axes, cval, tolerance, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "sigma"_a, "order"_a, "radius"_a, "border"_a, "cval"_a,
      "tolerance"_a = 0.0, "workers"_a = 0);
  module.def(
      "uniform_filter",
      [](const py::array& src, const py::array& dst, const std::vector<std::int64_t>& size,
         const std::vector<std::int64_t>& left, const std::vector<int>& border, double cval, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_convertible(in, out);
        std::array<UniformAxis, 3> axes;
        set_axes(axes, &UniformAxis::size, size, in);
        set_axes(axes, &UniformAxis::left, left, in);
        set_axes(axes, &UniformAxis::border, border, in);
        const py::gil_scoped_release released;
        cpu::uniform_filter(in, out, axes, cval, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "size"_a, "left"_a, "border"_a, "cval"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
