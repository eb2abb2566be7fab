#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "features/discretise.hpp"
#include "features/first_order.hpp"
#include "features/local_intensity.hpp"
#include "features/mesh_tables.hpp"
#include "features/region_box.hpp"
#include "features/shape.hpp"
#include "features/spatial.hpp"
#include "filters/resample.hpp"

namespace cormack::bindings {

namespace {

void define_processing(py::module_& module) {
  module.def(
      "resample",
      [](const py::array& src, const py::array& dst, const std::vector<std::vector<double>>& positions, int order,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        if (in.ndim != out.ndim || positions.size() != static_cast<std::size_t>(in.ndim))
          throw py::value_error("`positions` must have one list for each axis of `src` and `dst`");
        std::array<std::vector<double>, 3> nodes;
        nodes[0] = {0.0};
        for (std::size_t i = 0; i < positions.size(); ++i) nodes[3 - positions.size() + i] = positions[i];
        const py::gil_scoped_release released;
        cpu::resample(in, out, nodes, static_cast<Interpolation>(order), {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "positions"_a, "order"_a, "workers"_a = 0);
  module.def(
      "region_box",
      [](const py::array& labels, std::optional<double> label, int workers) {
        const Image in = image_of(labels, "labels");
        const py::gil_scoped_release released;
        const RegionBox box = cpu::region_box(in, label, {workers});
        return std::make_pair(box.begin, box.end);
      },
      "labels"_a.noconvert(), "label"_a = py::none(), "workers"_a = 0);
  module.def(
      "discretise",
      [](const py::array& image, const std::optional<py::array>& mask, const py::array& levels, double low, double high,
         double lower, double factor, double width, std::int32_t level_count, int workers) {
        const Image in = image_of(image, "image"), out = image_of(levels, "levels", Access::write);
        const std::optional<Image> inside = mask_of(mask, in);
        check_same_shape(in, "image", out, "levels");
        const py::gil_scoped_release released;
        cpu::discretise(in, inside ? &*inside : nullptr, out, {low, high, lower, factor, width, level_count},
                        {workers});
      },
      "image"_a.noconvert(), "mask"_a.noconvert(), "levels"_a.noconvert(), "low"_a, "high"_a, "lower"_a, "factor"_a,
      "width"_a, "level_count"_a, "workers"_a = 0);
  module.def(
      "local_intensity",
      [](const py::array& image, const std::optional<py::array>& mask, const std::array<double, 3>& spacing,
         double radius, double peak, int workers) {
        const Image in = image_of(image, "image");
        const std::optional<Image> inside = mask_of(mask, in);
        const py::gil_scoped_release released;
        const LocalIntensity result =
            cpu::local_intensity(in, inside ? &*inside : nullptr, spacing, radius, peak, {workers});
        return std::make_pair(result.local, result.global);
      },
      "image"_a.noconvert(), "mask"_a.noconvert(), "spacing"_a, "radius"_a, "peak"_a, "workers"_a = 0);
}

}  // namespace

namespace {

py::dict dict_of(const FirstOrder& r) {
  py::dict result;
  result["count"] = r.count;
  result["not_finite"] = r.not_finite;
  const std::pair<const char*, double> statistics[] = {
      {"stat_mean", r.mean},     {"stat_var", r.var},     {"stat_skew", r.skew},   {"stat_kurt", r.kurt},
      {"stat_median", r.median}, {"stat_min", r.min},     {"stat_p10", r.p10},     {"stat_p90", r.p90},
      {"stat_max", r.max},       {"stat_iqr", r.iqr},     {"stat_range", r.range}, {"stat_mad", r.mad},
      {"stat_rmad", r.rmad},     {"stat_medad", r.medad}, {"stat_cov", r.cov},     {"stat_qcod", r.qcod},
      {"stat_energy", r.energy}, {"stat_rms", r.rms},
  };
  for (const auto& [name, value] : statistics) result[name] = value;
  return result;
}

py::dict dict_of(const Shape& r) {
  return py::dict("count"_a = r.count, "center"_a = r.center, "scatter"_a = r.scatter, "volume"_a = r.volume,
                  "area"_a = r.area, "diameter"_a = r.diameter, "box"_a = r.box, "oriented_box"_a = r.oriented_box,
                  "hull_volume"_a = r.hull_volume, "hull_area"_a = r.hull_area, "ellipsoid"_a = r.ellipsoid);
}

}  // namespace

void define_features(py::module_& module) {
  module.def(
      "first_order",
      [](const py::array& image, const std::optional<py::array>& mask, int workers) {
        const Image in = image_of(image, "image");
        const std::optional<Image> inside = mask_of(mask, in);
        FirstOrder r;
        {
          const py::gil_scoped_release released;
          r = cpu::first_order(in, inside ? &*inside : nullptr, {workers});
        }
        return dict_of(r);
      },
      "image"_a.noconvert(), "mask"_a.noconvert() = py::none(), "workers"_a = 0);
  module.def(
      "first_order_of_counts",
      [](const py::array_t<std::int64_t, py::array::c_style>& counts, std::int64_t low) {
        return dict_of(first_order_of_counts(counts.data(), counts.size(), low));
      },
      "counts"_a.noconvert(), "low"_a);
  module.def(
      "first_order_of_sums",
      [](std::int64_t count, double low, double high, double mean, double energy,
         const std::array<double, 5>& quantiles, const std::array<double, 7>& sums, double robust) {
        FirstOrder r;
        r.count = count;
        r.min = low;
        r.max = high;
        r.mean = mean;
        r.energy = energy;
        const FirstOrderSums given{quantiles, sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], robust};
        return dict_of(first_order_of_sums(r, given));
      },
      "count"_a, "low"_a, "high"_a, "mean"_a, "energy"_a, "quantiles"_a, "sums"_a, "robust"_a);
  define_processing(module);

  module.def("cell_triangles",
             [] { return std::vector<std::string>(std::begin(kCellTriangles), std::end(kCellTriangles)); });
  module.def(
      "shape",
      [](const py::array& mask, const std::array<double, 3>& spacing, int workers) {
        const Image in = image_of(mask, "mask");
        if (in.dtype != DType::boolean && in.dtype != DType::u8) throw py::type_error("`mask` must be bool or uint8");
        Shape r;
        {
          const py::gil_scoped_release released;
          r = cpu::shape(in, spacing, {workers});
        }
        return dict_of(r);
      },
      "mask"_a.noconvert(), "spacing"_a, "workers"_a = 0);

  module.def(
      "shape_of_counts",
      [](const py::array_t<std::int32_t, py::array::c_style>& ends, const std::array<std::int64_t, 10>& sums,
         const std::array<std::int64_t, 256>& patterns, const std::array<double, 3>& spacing, int workers) {
        if (ends.ndim() != 3 || ends.shape(2) != 2) throw py::value_error("`ends` are (z, y, 2)");
        return dict_of(
            cpu::shape_of_counts({ends.shape(0), ends.shape(1), ends.data(), sums, patterns}, spacing, {workers}));
      },
      "ends"_a.noconvert(), "sums"_a, "patterns"_a, "spacing"_a, "workers"_a = 0);

  module.def(
      "spatial",
      [](const py::array& image, const py::array& mask, const std::array<double, 3>& spacing, int workers) {
        const Image in = image_of(image, "image"), inside = *mask_of(mask, in);
        Spatial r;
        {
          const py::gil_scoped_release released;
          r = cpu::spatial(in, inside, spacing, {workers});
        }
        return py::dict("count"_a = r.count, "not_finite"_a = r.not_finite, "mean"_a = r.mean, "center"_a = r.center,
                        "moran"_a = r.moran, "geary"_a = r.geary);
      },
      "image"_a.noconvert(), "mask"_a.noconvert(), "spacing"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
