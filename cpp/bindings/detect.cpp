#include <pybind11/stl.h>

#include <algorithm>
#include <memory>

#include "bindings/arrays.hpp"
#include "detect/find_boundaries.hpp"
#include "detect/find_contours.hpp"
#include "detect/marching_cubes.hpp"

namespace cormack::bindings {
namespace {

using Array = py::array;

}  // namespace

void define_detect(py::module_& module) {
  // Returns vertices, faces, normals and values.
  module.def(
      "marching_cubes",
      [](const Array& volume, double level, const std::optional<Array>& mask, bool has_nan,
         const std::array<double, 3>& spacing, bool ascent, int workers) {
        const Image in = image_of(volume, "volume");
        if (in.ndim != 3) throw py::value_error("`volume` must be 3-D");
        const std::optional<Image> inside = mask_of(mask, in);
        std::unique_ptr<cpu::MarchingCubes> cubes;
        {
          const py::gil_scoped_release released;
          cubes =
              std::make_unique<cpu::MarchingCubes>(in, level, inside ? &*inside : nullptr, has_nan, Context{workers});
        }
        const py::ssize_t vertices = cubes->vertex_count(), faces = cubes->face_count();
        py::array_t<float> positions({vertices, py::ssize_t{3}}), normals({vertices, py::ssize_t{3}}), values(vertices);
        py::array_t<std::int32_t> triangles({faces, py::ssize_t{3}});
        const cpu::SurfaceArrays out{positions.mutable_data(), normals.mutable_data(), values.mutable_data(),
                                     triangles.mutable_data()};
        {
          const py::gil_scoped_release released;
          cubes->emit(spacing, ascent, out);
        }
        return py::make_tuple(positions, triangles, normals, values);
      },
      "volume"_a.noconvert(), "level"_a, "mask"_a, "has_nan"_a, "spacing"_a, "ascent"_a, "workers"_a = 0);
  // Returns a list of points for each slice, and where its contours begin.
  module.def(
      "find_contours",
      [](const Array& image, double level, bool connect_high, bool reversed, const std::optional<Array>& mask,
         bool has_nan, int workers) {
        const Image in = image_of(image, "image");
        const std::optional<Image> inside = mask_of(mask, in);
        std::vector<Contours> slices;
        {
          const py::gil_scoped_release released;
          slices = cpu::find_contours(in, {level, connect_high, reversed, inside ? &*inside : nullptr, has_nan},
                                      Context{workers});
        }
        py::list result;
        for (const Contours& slice : slices) {
          const auto count = static_cast<py::ssize_t>(slice.points.size() / 2);
          py::array_t<double> points({count, py::ssize_t{2}});
          std::copy(slice.points.begin(), slice.points.end(), points.mutable_data());
          result.append(py::make_tuple(points, slice.first));
        }
        return result;
      },
      "image"_a.noconvert(), "level"_a, "connect_high"_a, "reversed"_a, "mask"_a, "has_nan"_a, "workers"_a = 0);
  module.def(
      "find_boundaries",
      [](const Array& labels, const Array& dst, int connectivity, int mode, std::int64_t background, int workers) {
        const Image in = image_of(labels, "labels"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "labels", out, "dst");
        if (mode < 0 || mode > 2) throw py::value_error("`mode` must be 0, 1 or 2");
        const py::gil_scoped_release released;
        cpu::find_boundaries(in, out, connectivity, static_cast<BoundaryMode>(mode), background, Context{workers});
      },
      "labels"_a.noconvert(), "dst"_a.noconvert(), "connectivity"_a, "mode"_a, "background"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
