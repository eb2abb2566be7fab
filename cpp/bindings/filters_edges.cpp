#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "filters/gaussian_derivatives.hpp"
#include "filters/hessian.hpp"
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
  // dst: as many images as the measure has.
  module.def(
      "hessian",
      [](const py::array& src, const std::vector<py::array>& dst, const std::vector<double>& sigma,
         const std::vector<double>& scale, const std::vector<std::int64_t>& radius, const std::vector<int>& border,
         double cval, int measure, bool accumulate, bool bright, double length, double alpha, double beta, double gamma,
         int workers) {
        const Image in = image_of(src, "src");
        std::vector<Image> out;
        for (const py::array& image : dst) {
          out.push_back(image_of(image, "dst", Access::write));
          check_same_shape(in, "src", out.back(), "dst");
        }
        HessianFilter filter;
        set_axes(filter.axes, &HessianAxis::sigma, sigma, in);
        set_axes(filter.axes, &HessianAxis::scale, scale, in);
        set_axes(filter.axes, &HessianAxis::radius, radius, in);
        set_axes(filter.axes, &HessianAxis::border, border, in);
        for (const HessianAxis& axis : filter.axes)
          if (axis.radius < 0) throw py::value_error("`radius` is negative");
        if (measure < 0 || measure > static_cast<int>(HessianMeasure::dot))
          throw py::value_error("`measure` is unknown");
        filter.cval = cval;
        filter.measure = static_cast<HessianMeasure>(measure);
        filter.accumulate = accumulate;
        filter.bright = bright;
        filter.sigma = length;
        filter.alpha = alpha;
        filter.beta = beta;
        filter.gamma = gamma;
        const py::gil_scoped_release released;
        cpu::hessian(in, out, filter, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "sigma"_a, "scale"_a, "radius"_a, "border"_a, "cval"_a, "measure"_a,
      "accumulate"_a = false, "bright"_a = false, "length"_a = 1.0, "alpha"_a = 0.5, "beta"_a = 0.5, "gamma"_a = 1.0,
      "workers"_a = 0);
}

}  // namespace cormack::bindings
