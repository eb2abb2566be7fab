#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "filters/bilateral_filter.hpp"
#include "filters/non_local_means.hpp"

namespace cormack::bindings {

void define_denoising_filters(py::module_& module) {
  module.def(
      "bilateral_filter",
      [](const py::array& src, const py::array& dst, const std::vector<double>& sigma,
         const std::vector<std::int64_t>& radius, const std::vector<int>& border, double sigma_intensity, bool ball,
         double cval, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        BilateralSettings settings;
        set_axes(settings.axes, &BilateralAxis::sigma, sigma, in);
        set_axes(settings.axes, &BilateralAxis::radius, radius, in);
        set_axes(settings.axes, &BilateralAxis::border, border, in);
        settings.sigma_intensity = sigma_intensity;
        settings.ball = ball;
        settings.cval = cval;
        const py::gil_scoped_release released;
        cpu::bilateral_filter(in, out, settings, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "sigma"_a, "radius"_a, "border"_a, "sigma_intensity"_a, "ball"_a,
      "cval"_a, "workers"_a = 0);
  module.def(
      "non_local_means",
      [](const py::array& src, const py::array& dst, const std::vector<std::int64_t>& half,
         const std::vector<std::int64_t>& distance, const std::vector<int>& border, double h, double sigma, double cval,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        NonLocalSettings settings;
        set_axes(settings.axes, &NonLocalAxis::half, half, in);
        set_axes(settings.axes, &NonLocalAxis::distance, distance, in);
        set_axes(settings.axes, &NonLocalAxis::border, border, in);
        settings.h = h;
        settings.sigma = sigma;
        settings.cval = cval;
        const py::gil_scoped_release released;
        cpu::non_local_means(in, out, settings, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "half"_a, "distance"_a, "border"_a, "h"_a, "sigma"_a, "cval"_a,
      "workers"_a = 0);
}

}  // namespace cormack::bindings
