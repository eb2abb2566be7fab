#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "filters/anisotropic_diffusion.hpp"
#include "filters/bilateral_filter.hpp"
#include "filters/non_local_means.hpp"
#include "filters/total_variation.hpp"

namespace cormack::bindings {

namespace {

// A factor per axis of the array: 0 makes its images separate.
std::array<double, 3> scale_of(const std::vector<double>& scale, const Image& image) {
  if (scale.size() != static_cast<std::size_t>(image.ndim))
    throw py::value_error("`scale` must have a value for each axis");
  std::array<double, 3> result{};
  std::copy(scale.begin(), scale.end(), result.begin() + (3 - image.ndim));
  return result;
}

}  // namespace

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
  module.def(
      "anisotropic_diffusion",
      [](const py::array& src, const py::array& dst, int method, int edge, std::int64_t iterations, double kappa,
         double conductance, double time_step, const std::vector<double>& scale, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        if (method < 0 || method > 1) throw py::value_error("`method` is not a method");
        if (edge < 0 || edge > 1) throw py::value_error("`edge` is not a function of the gradient");
        const Diffusion diffusion{static_cast<DiffusionMethod>(method),
                                  static_cast<DiffusionEdge>(edge),
                                  iterations,
                                  kappa,
                                  conductance,
                                  time_step,
                                  scale_of(scale, in)};
        const py::gil_scoped_release released;
        cpu::anisotropic_diffusion(in, out, diffusion, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "method"_a, "edge"_a, "iterations"_a, "kappa"_a, "conductance"_a,
      "time_step"_a, "scale"_a, "workers"_a = 0);
  module.def(
      "total_variation",
      [](const py::array& src, const py::array& dst, double weight, double tolerance, std::int64_t iterations,
         const std::vector<double>& scale, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        const TotalVariation settings{weight, tolerance, iterations, scale_of(scale, in)};
        const py::gil_scoped_release released;
        cpu::total_variation(in, out, settings, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "weight"_a, "tolerance"_a, "iterations"_a, "scale"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
