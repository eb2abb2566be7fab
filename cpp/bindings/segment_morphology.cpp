#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "segment/distance_transform.hpp"

namespace cormack::bindings {
namespace {

using Array = py::array;

}  // namespace

void define_segment_morphology(py::module_& module) {
  // indices: int32, one image for each of z, y and x, or None.
  module.def(
      "distance_transform_edt",
      [](const Array& src, const Array& distances, const std::array<double, 3>& spacing,
         std::optional<py::array_t<std::int32_t, py::array::c_style>> indices, int workers) {
        const Image in = image_of(src, "src"), out = image_of(distances, "distances", Access::write);
        check_same_shape(in, "src", out, "distances");
        if (out.dtype != DType::f32 && out.dtype != DType::f64)
          throw py::type_error("`distances` must be float32 or float64");
        std::array<std::int32_t*, 3> planes{};
        if (indices) {
          if (indices->size() != 3 * in.size()) throw py::value_error("`indices` must have three images");
          for (std::size_t axis = 0; axis < 3; ++axis)
            planes[axis] = indices->mutable_data() + static_cast<std::int64_t>(axis) * in.size();
        }
        const py::gil_scoped_release released;
        cpu::distance_transform_edt(in, spacing, out, indices ? planes.data() : nullptr, {workers});
      },
      "src"_a.noconvert(), "distances"_a.noconvert(), "spacing"_a, "indices"_a.noconvert(), "workers"_a = 0);
}

}  // namespace cormack::bindings
