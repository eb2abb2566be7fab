#include "bindings/arrays.hpp"
#include "segment/chan_vese.hpp"
#include "segment/morphological_contours.hpp"

namespace cormack::bindings {

void define_segment_contours(py::module_& module) {
  using Array = py::array;
  module.def(
      "morphological_chan_vese",
      [](const Array& image, const Array& level_set, const Array& dst, std::int64_t num_iter, int smoothing,
         bool swapped, double lambda1, double lambda2, int workers) {
        const Image in = image_of(image, "image"), start = image_of(level_set, "level_set");
        const Image out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "image", start, "level_set");
        check_same_shape(in, "image", out, "dst");
        const py::gil_scoped_release released;
        cpu::morphological_chan_vese(in, start, out, {{num_iter, smoothing, swapped}, lambda1, lambda2},
                                     Context{workers});
      },
      "image"_a.noconvert(), "level_set"_a.noconvert(), "dst"_a.noconvert(), "num_iter"_a, "smoothing"_a, "swapped"_a,
      "lambda1"_a, "lambda2"_a, "workers"_a = 0);
  module.def(
      "morphological_geodesic_active_contour",
      [](const Array& image, const Array& level_set, const Array& dst, std::int64_t num_iter, int smoothing,
         bool swapped, int balloon, double threshold, int workers) {
        const Image in = image_of(image, "image"), start = image_of(level_set, "level_set");
        const Image out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "image", start, "level_set");
        check_same_shape(in, "image", out, "dst");
        if (in.dtype != DType::f32 && in.dtype != DType::f64)
          throw py::type_error("`image` must be float32 or float64");
        const py::gil_scoped_release released;
        cpu::morphological_geodesic_active_contour(in, start, out, {{num_iter, smoothing, swapped}, balloon, threshold},
                                                   Context{workers});
      },
      "image"_a.noconvert(), "level_set"_a.noconvert(), "dst"_a.noconvert(), "num_iter"_a, "smoothing"_a, "swapped"_a,
      "balloon"_a, "threshold"_a, "workers"_a = 0);
  // Changes the level set; returns its last change.
  module.def(
      "chan_vese",
      [](const Array& image, const Array& level_set, double mu, double lambda1, double lambda2, double dt, double tol,
         std::int64_t max_num_iter, int workers) {
        const Image in = image_of(image, "image"), moving = image_of(level_set, "level_set", Access::write);
        check_same_shape(in, "image", moving, "level_set");
        check_same_dtype(in, "image", moving, "level_set");
        const py::gil_scoped_release released;
        return cpu::chan_vese(in, moving, {mu, lambda1, lambda2, dt, tol, max_num_iter}, Context{workers});
      },
      "image"_a.noconvert(), "level_set"_a.noconvert(), "mu"_a, "lambda1"_a, "lambda2"_a, "dt"_a, "tol"_a,
      "max_num_iter"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
