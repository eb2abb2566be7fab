#include <pybind11/stl.h>

#include <optional>

#include "bindings/arrays.hpp"
#include "features/first_order.hpp"
#include "features/shape.hpp"
#include "features/spatial.hpp"

namespace cormack::bindings {

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
      },
      "image"_a.noconvert(), "mask"_a.noconvert() = py::none(), "workers"_a = 0);

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
        return py::dict("count"_a = r.count, "center"_a = r.center, "scatter"_a = r.scatter, "volume"_a = r.volume,
                        "area"_a = r.area, "diameter"_a = r.diameter, "box"_a = r.box,
                        "oriented_box"_a = r.oriented_box, "hull_volume"_a = r.hull_volume, "hull_area"_a = r.hull_area,
                        "ellipsoid"_a = r.ellipsoid);
      },
      "mask"_a.noconvert(), "spacing"_a, "workers"_a = 0);

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
