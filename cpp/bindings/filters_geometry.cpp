#include <pybind11/stl.h>

#include "bindings/arrays.hpp"
#include "filters/affine_transform.hpp"

namespace cormack::bindings {

void define_geometry_filters(py::module_& module) {
  module.def(
      "affine_transform",
      [](const py::array& src, const py::array& dst, const std::array<double, 9>& matrix,
         const std::array<double, 3>& offset, int order, int edge, double cval, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        const py::gil_scoped_release released;
        cpu::affine_transform(in, out, {matrix, offset}, static_cast<Interpolation>(order), static_cast<Edge>(edge),
                              cval, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "matrix"_a, "offset"_a, "order"_a, "edge"_a, "cval"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
