#include <pybind11/stl.h>

#include <vector>

#include "bindings/arrays.hpp"
#include "segment/confidence_connected.hpp"
#include "segment/connected_threshold.hpp"
#include "segment/isolated_connected.hpp"
#include "segment/seeded_region_growing.hpp"

namespace cormack::bindings {
namespace {

using Array = py::array;
using OptionalArray = std::optional<py::array>;
using Seeds = std::vector<std::array<std::int64_t, 3>>;

// What every operation takes: an image, a result of its shape, and perhaps a mask.
struct Images {
  Images(const Array& src, const Array& dst, const OptionalArray& where, DType dtype)
      : in(image_of(src, "src")), out(image_of(dst, "dst", Access::write)), mask(mask_of(where, in)) {
    check_same_shape(in, "src", out, "dst");
    if (out.dtype != dtype) throw py::type_error("`dst` has the wrong dtype");
  }
  const Image* inside() const { return mask ? &*mask : nullptr; }

  Image in, out;
  std::optional<Image> mask;
};

}  // namespace

void define_region_growing(py::module_& module) {
  module.def(
      "connected_threshold",
      [](const Array& src, const Array& dst, const Seeds& seeds, double lower, double upper, int connectivity,
         const OptionalArray& mask, bool take_seeds, const std::array<std::int64_t, 3>& radius, int workers) {
        const Images images(src, dst, mask, DType::boolean);
        const py::gil_scoped_release released;
        cpu::connected_threshold(images.in, images.out,
                                 {lower, upper, connectivity, images.inside(), seeds, take_seeds, radius}, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "seeds"_a, "lower"_a, "upper"_a, "connectivity"_a, "mask"_a,
      "take_seeds"_a = false, "radius"_a = std::array<std::int64_t, 3>{}, "workers"_a = 0);
  module.def(
      "confidence_connected",
      [](const Array& src, const Array& dst, const Seeds& seeds, double multiplier, std::int64_t iterations,
         const std::array<std::int64_t, 3>& radius, int connectivity, const OptionalArray& mask, int workers) {
        const Images images(src, dst, mask, DType::boolean);
        const py::gil_scoped_release released;
        cpu::confidence_connected(images.in, images.out,
                                  {multiplier, iterations, radius, connectivity, images.inside(), seeds}, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "seeds"_a, "multiplier"_a, "iterations"_a, "radius"_a, "connectivity"_a,
      "mask"_a, "workers"_a = 0);
  // Returns the bound found.
  module.def(
      "isolated_connected",
      [](const Array& src, const Array& dst, const Seeds& seeds, const Seeds& others, double lower, double upper,
         bool find_upper, double tolerance, int connectivity, const OptionalArray& mask, int workers) {
        const Images images(src, dst, mask, DType::boolean);
        const py::gil_scoped_release released;
        return cpu::isolated_connected(
            images.in, images.out, {lower, upper, find_upper, tolerance, connectivity, images.inside(), seeds, others},
            {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "seeds"_a, "others"_a, "lower"_a, "upper"_a, "find_upper"_a,
      "tolerance"_a, "connectivity"_a, "mask"_a, "workers"_a = 0);
  module.def(
      "seeded_region_growing",
      [](const Array& src, const Array& markers, const Array& dst, int connectivity, const OptionalArray& mask) {
        const Images images(src, dst, mask, DType::i32);
        const Image marked = image_of(markers, "markers");
        check_same_shape(images.in, "src", marked, "markers");
        check_same_dtype(images.out, "dst", marked, "markers");
        const py::gil_scoped_release released;
        cpu::seeded_region_growing(images.in, marked, images.out, {connectivity, images.inside()}, {});
      },
      "src"_a.noconvert(), "markers"_a.noconvert(), "dst"_a.noconvert(), "connectivity"_a, "mask"_a);
}

}  // namespace cormack::bindings
