#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "features/feature_map.hpp"
#include "features/local_binary_pattern.hpp"

namespace cormack::bindings {
namespace {

Image mask_as_image(const py::array& mask, const char* argument, const Image& image) {
  const Image inside = image_of(mask, argument);
  if (inside.dtype != DType::boolean && inside.dtype != DType::u8)
    throw py::type_error(std::string("`") + argument + "` must be bool or uint8");
  check_same_shape(image, "image", inside, argument);
  return inside;
}

}  // namespace

void define_feature_maps(py::module_& module) {
  module.def(
      "feature_map",
      [](const py::array& image, const py::array& centers, const py::array& inside, const py::array& region,
         const Levels* levels, const std::vector<std::pair<int, int>>& features, const std::vector<py::array>& maps,
         std::int64_t radius, bool in_slice, const std::vector<Offset>& offsets, std::int64_t distance,
         std::int64_t coarseness, bool averaged, bool as_pyradiomics, int workers) {
        const Image in = image_of(image, "image");
        const LocalMasks masks{mask_as_image(centers, "centers", in), mask_as_image(inside, "inside", in),
                               mask_as_image(region, "region", in)};
        std::vector<LocalFeature> wanted;
        wanted.reserve(features.size());
        for (const auto& [family, index] : features) wanted.push_back({static_cast<LocalFamily>(family), index});
        std::vector<Image> targets;
        for (const py::array& map : maps) {
          targets.push_back(image_of(map, "maps", Access::write));
          check_same_shape(in, "image", targets.back(), "maps");
          if (targets.back().dtype != DType::f64) throw py::type_error("`maps` must be float64");
        }
        const py::gil_scoped_release released;
        cpu::feature_map(in, masks, levels, wanted, targets,
                         {radius, in_slice, offsets, distance, coarseness, averaged, as_pyradiomics}, {workers});
      },
      "image"_a.noconvert(), "centers"_a.noconvert(), "inside"_a.noconvert(), "region"_a.noconvert(),
      "levels"_a.none(true), "features"_a, "maps"_a.noconvert(), "radius"_a, "in_slice"_a, "offsets"_a, "distance"_a,
      "coarseness"_a, "averaged"_a, "as_pyradiomics"_a = false, "workers"_a = 0);
  module.def(
      "local_binary_pattern",
      [](const py::array& src, const py::array& dst, const std::vector<std::array<double, 2>>& points, int code,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        const py::gil_scoped_release released;
        cpu::local_binary_pattern(in, out, points, static_cast<PatternCode>(code), {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "points"_a, "code"_a, "workers"_a = 0);
  module.def(
      "local_binary_pattern_sphere",
      [](const py::array& src, const py::array& dst, const std::vector<std::array<double, 3>>& points,
         const std::vector<std::uint64_t>& neighbours, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        if (points.size() != neighbours.size()) throw py::value_error("every point has neighbours");
        std::vector<SpherePoint> sphere;
        for (std::size_t i = 0; i < points.size(); ++i) {
          if (points.size() < 64 && neighbours[i] >> points.size() != 0) throw py::value_error("neighbours are points");
          sphere.push_back({points[i], neighbours[i]});
        }
        const py::gil_scoped_release released;
        cpu::local_binary_pattern_sphere(in, out, sphere, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "points"_a, "neighbours"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
