#include <pybind11/stl.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "bindings/arrays.hpp"
#include "segment/binary_morphology.hpp"
#include "segment/distance_transform.hpp"
#include "segment/watershed.hpp"

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
  // footprint: uint8 of three axes. steps: (dilate, outside, iterations), in the order in which they run.
  module.def(
      "binary_morphology",
      [](const Array& src, const Array& dst, const py::array_t<std::uint8_t, py::array::c_style>& footprint,
         const std::array<std::int64_t, 3>& centre, const std::vector<std::tuple<bool, bool, std::int64_t>>& steps,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        if (out.dtype != DType::boolean) throw py::type_error("`dst` must be bool");
        if (footprint.ndim() != 3) throw py::value_error("`footprint` must be 3-D");
        BinaryFootprint window{footprint.data(), {}, centre};
        for (std::size_t axis = 0; axis < 3; ++axis) window.shape[axis] = footprint.shape(static_cast<int>(axis));
        if (std::find(footprint.data(), footprint.data() + footprint.size(), 1) == footprint.data() + footprint.size())
          throw py::value_error("`footprint` must have a place that takes part");
        std::vector<BinaryStep> list;
        list.reserve(steps.size());
        for (const auto& [dilate, outside, iterations] : steps) list.push_back({dilate, outside, iterations});
        const py::gil_scoped_release released;
        cpu::binary_morphology(in, out, window, list, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "footprint"_a.noconvert(), "centre"_a, "steps"_a, "workers"_a = 0);
  // labels: int32, markers on entry.
  module.def(
      "watershed",
      [](const Array& src, const Array& labels, const std::optional<Array>& mask, int connectivity, bool line,
         double compactness, int workers) {
        const Image in = image_of(src, "src"), out = image_of(labels, "labels", Access::write);
        check_same_shape(in, "src", out, "labels");
        if (out.dtype != DType::i32) throw py::type_error("`labels` must be int32");
        const std::optional<Image> inside = mask_of(mask, in);
        const cpu::WatershedOptions options{connectivity, inside ? &*inside : nullptr, line, compactness};
        const py::gil_scoped_release released;
        cpu::watershed(in, out, options, {workers});
      },
      "src"_a.noconvert(), "labels"_a.noconvert(), "mask"_a, "connectivity"_a, "line"_a, "compactness"_a,
      "workers"_a = 0);
  module.def(
      "local_minima",
      [](const Array& src, const Array& minima, int connectivity, int workers) {
        const Image in = image_of(src, "src"), out = image_of(minima, "minima", Access::write);
        check_same_shape(in, "src", out, "minima");
        if (out.dtype != DType::boolean) throw py::type_error("`minima` must be bool");
        const py::gil_scoped_release released;
        cpu::local_minima(in, out, connectivity, {workers});
      },
      "src"_a.noconvert(), "minima"_a.noconvert(), "connectivity"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
