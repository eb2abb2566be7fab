#include "bindings/arrays.hpp"
#include "pointwise/linear_map.hpp"

namespace cormack::bindings {

void define_enhance(py::module_& module) {
  module.def(
      "linear_map",
      [](const py::array& src, const py::array& dst, double lower, double upper, double scale, double offset,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const py::gil_scoped_release released;
        cpu::linear_map(in, out, {lower, upper, scale, offset}, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "lower"_a, "upper"_a, "scale"_a, "offset"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
