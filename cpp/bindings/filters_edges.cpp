#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "filters/gaussian_derivatives.hpp"
#include "filters/separable.hpp"

namespace cormack::bindings {
namespace {

using Weights = std::vector<std::vector<double>>;

void check_weights(const std::vector<double>& weights) {
  if (weights.empty()) throw py::value_error("a kernel has no weights");
}

}  // namespace

void define_edge_filters(py::module_& module) {
  module.def(
      "correlate_separable",
      [](const py::array& src, const py::array& dst, const Weights& weights, const std::vector<bool>& odd,
         const std::vector<int>& border, double cval, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        if (out.dtype != DType::f32 && out.dtype != DType::f64) check_same_dtype(in, "src", out, "dst");
        std::array<AxisKernel, 3> axes;
        set_axes(axes, &AxisKernel::weights, weights, in);
        set_axes(axes, &AxisKernel::odd, odd, in);
        set_axes(axes, &AxisKernel::border, border, in);
        for (const AxisKernel& axis : axes) check_weights(axis.weights);
        const py::gil_scoped_release released;
        cpu::correlate_separable(in, out, axes, cval, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "weights"_a, "odd"_a, "border"_a, "cval"_a, "workers"_a = 0);
  module.def(
      "gradient_magnitude",
      [](const py::array& src, const py::array& dst, const Weights& smooth, const Weights& derive,
         const std::vector<int>& border, int count, double cval, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        std::array<GradientAxis, 3> axes;
        set_axes(axes, &GradientAxis::smooth, smooth, in);
        set_axes(axes, &GradientAxis::derive, derive, in);
        set_axes(axes, &GradientAxis::border, border, in);
        for (const GradientAxis& axis : axes) {
          check_weights(axis.smooth);
          if (axis.smooth.size() != axis.derive.size()) throw py::value_error("kernels of an axis differ in length");
        }
        const py::gil_scoped_release released;
        cpu::gradient_magnitude(in, out, axes, count, cval, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "smooth"_a, "derive"_a, "border"_a, "count"_a, "cval"_a,
      "workers"_a = 0);
}

}  // namespace cormack::bindings
