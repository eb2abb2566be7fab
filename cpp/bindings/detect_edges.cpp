#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "detect/canny.hpp"

namespace cormack::bindings {
namespace {

// The settings that all forms of Canny's detector take; they borrow the mask.
struct CannyArguments {
  CannyArguments(const Image& image, const std::vector<std::vector<double>>& weights, const std::vector<int>& border,
                 const std::vector<double>& spacing, double scale, bool corrected,
                 const std::optional<py::array>& inside)
      : mask(mask_of(inside, image)) {
    set_axes(filter.axes, &CannyAxis::weights, weights, image);
    set_axes(filter.axes, &CannyAxis::border, border, image);
    set_axes(filter.axes, &CannyAxis::spacing, spacing, image);
    filter.scale = scale;
    filter.corrected = corrected;
  }
  const CannyFilter& get() {
    filter.mask = mask ? &*mask : nullptr;
    return filter;
  }

  std::optional<Image> mask;
  CannyFilter filter;
};

}  // namespace

void define_detect_edges(py::module_& module) {
  using Weights = std::vector<std::vector<double>>;
  using Numbers = std::vector<double>;
  using Borders = std::vector<int>;
  using Mask = std::optional<py::array>;
  module.def(
      "canny",
      [](const py::array& src, const py::array& dst, const Weights& weights, const Borders& border,
         const Numbers& spacing, double scale, bool corrected, const Mask& mask, double low, double high, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        if (out.dtype != DType::boolean) throw py::type_error("`dst` must be bool");
        CannyArguments arguments(in, weights, border, spacing, scale, corrected, mask);
        const CannyFilter& filter = arguments.get();
        const py::gil_scoped_release released;
        cpu::canny(in, out, filter, {low, high}, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "weights"_a, "border"_a, "spacing"_a, "scale"_a, "corrected"_a,
      "mask"_a.noconvert(), "low"_a, "high"_a, "workers"_a = 0);
  module.def(
      "canny_strength",
      [](const py::array& src, const py::array& dst, const Weights& weights, const Borders& border,
         const Numbers& spacing, double scale, bool corrected, const Mask& mask, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        if (out.dtype != (canny_stores_double(in.dtype, in.ndim) ? DType::f64 : DType::f32))
          throw py::type_error("`dst` has the wrong dtype");
        CannyArguments arguments(in, weights, border, spacing, scale, corrected, mask);
        const CannyFilter& filter = arguments.get();
        const py::gil_scoped_release released;
        cpu::canny_strength(in, out, filter, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "weights"_a, "border"_a, "spacing"_a, "scale"_a, "corrected"_a,
      "mask"_a.noconvert(), "workers"_a = 0);
  // Returns an array (n, 3) of (z, y, x).
  module.def(
      "canny_points",
      [](const py::array& src, const Weights& weights, const Borders& border, const Numbers& spacing, double scale,
         bool corrected, const Mask& mask, double low, double high, int workers) {
        const Image in = image_of(src, "src");
        CannyArguments arguments(in, weights, border, spacing, scale, corrected, mask);
        const CannyFilter& filter = arguments.get();
        std::vector<double> points;
        {
          const py::gil_scoped_release released;
          points = cpu::canny_points(in, filter, {low, high}, {workers});
        }
        py::array_t<double> result({static_cast<py::ssize_t>(points.size() / 3), py::ssize_t{3}});
        std::copy(points.begin(), points.end(), result.mutable_data());
        return result;
      },
      "src"_a.noconvert(), "weights"_a, "border"_a, "spacing"_a, "scale"_a, "corrected"_a, "mask"_a.noconvert(),
      "low"_a, "high"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
