#include <pybind11/stl.h>

#include <array>
#include <limits>
#include <optional>

#include "bindings/arrays.hpp"
#include "filters/difference.hpp"
#include "filters/extremum_filter.hpp"
#include "filters/median_filter.hpp"
#include "filters/rank_filter.hpp"
#include "filters/structured_extremum.hpp"

namespace cormack::bindings {

namespace {

using PerAxis = std::array<std::int64_t, 3>;
constexpr std::int64_t kMostPlaces = std::numeric_limits<std::int32_t>::max();

using Footprint = std::optional<py::array_t<std::uint8_t, py::array::c_style>>;

// Borrows the footprint: a value for each place of the box.
RankWindow rank_window(const PerAxis& size, const PerAxis& origin, const Footprint& footprint, int mode, double cval) {
  if (mode < 0 || mode > 4) throw py::value_error("`mode` is not a boundary mode");
  RankWindow window{size, origin, footprint ? footprint->data() : nullptr, static_cast<Border>(mode), cval};
  std::int64_t places = 1;
  for (int axis = 0; axis < 3; ++axis) {
    if (size[axis] < 1 || size[axis] > kMostPlaces / places) throw py::value_error("`size` is out of range");
    places *= size[axis];
    const std::int64_t first = window.first(axis);
    if (first > 0 || first + size[axis] <= 0) throw py::value_error("`origin` must keep the pixel inside its window");
  }
  if (footprint && footprint->size() != places) throw py::value_error("`footprint` must have the shape `size`");
  if (window.count() == 0) throw py::value_error("`footprint` must have a place that takes part");
  return window;
}

// The same, with a border for each axis.
ExtremumWindow extremum_window(const PerAxis& size, const PerAxis& origin, const Footprint& footprint,
                               const std::array<int, 3>& modes, double cval) {
  ExtremumWindow window;
  for (std::size_t axis = 0; axis < 3; ++axis)
    window.border[axis] = rank_window(size, origin, footprint, modes[axis], cval).border;
  window.size = size;
  window.origin = origin;
  window.footprint = footprint ? footprint->data() : nullptr;
  window.cval = cval;
  return window;
}

template <Extremum extremum>
void extremum_filter(const py::array& src, const py::array& dst, const PerAxis& size, const PerAxis& origin,
                     const Footprint& footprint, const std::array<int, 3>& modes, double cval, int workers) {
  const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
  check_same_shape(in, "src", out, "dst");
  check_same_dtype(in, "src", out, "dst");
  const ExtremumWindow window = extremum_window(size, origin, footprint, modes, cval);
  const py::gil_scoped_release released;
  cpu::extremum_filter(in, out, window, extremum, {workers});
}

}  // namespace

void define_rank_filters(py::module_& module) {
  module.def(
      "median_filter",
      [](const py::array& src, const py::array& dst, const PerAxis& size, const PerAxis& origin,
         const Footprint& footprint, int mode, double cval, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        const RankWindow window = rank_window(size, origin, footprint, mode, cval);
        const py::gil_scoped_release released;
        cpu::median_filter(in, out, window, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "size"_a, "origin"_a, "footprint"_a, "mode"_a, "cval"_a,
      "workers"_a = 0);
  module.def(
      "rank_filter",
      [](const py::array& src, const py::array& dst, std::int64_t rank, const PerAxis& size, const PerAxis& origin,
         const Footprint& footprint, int mode, double cval, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        const RankWindow window = rank_window(size, origin, footprint, mode, cval);
        const py::gil_scoped_release released;
        cpu::rank_filter(in, out, window, rank, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "rank"_a, "size"_a, "origin"_a, "footprint"_a, "mode"_a, "cval"_a,
      "workers"_a = 0);
  module.def("minimum_filter", &extremum_filter<Extremum::minimum>, "src"_a.noconvert(), "dst"_a.noconvert(), "size"_a,
             "origin"_a, "footprint"_a, "modes"_a, "cval"_a, "workers"_a = 0);
  module.def("maximum_filter", &extremum_filter<Extremum::maximum>, "src"_a.noconvert(), "dst"_a.noconvert(), "size"_a,
             "origin"_a, "footprint"_a, "modes"_a, "cval"_a, "workers"_a = 0);
  // footprint and heights: a value for each place of the box.
  module.def(
      "structured_extremum",
      [](const py::array& src, const py::array& dst, bool maximum, const PerAxis& size, const PerAxis& origin,
         const Footprint& footprint, const py::array_t<double, py::array::c_style>& heights, int mode, double cval,
         int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "src", out, "dst");
        check_same_dtype(in, "src", out, "dst");
        if (!footprint) throw py::type_error("`footprint` must be an array");
        const ExtremumWindow window = extremum_window(size, origin, footprint, {mode, mode, mode}, cval);
        if (heights.size() != footprint->size()) throw py::value_error("`heights` must have the shape `size`");
        const py::gil_scoped_release released;
        cpu::structured_extremum(in, out, window, heights.data(), maximum ? Extremum::maximum : Extremum::minimum,
                                 {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "maximum"_a, "size"_a, "origin"_a, "footprint"_a.noconvert(),
      "heights"_a.noconvert(), "mode"_a, "cval"_a, "workers"_a = 0);
  module.def(
      "difference",
      [](const py::array& a, const py::array& b, const py::array& dst, int workers) {
        const Image first = image_of(a, "a"), second = image_of(b, "b"), out = image_of(dst, "dst", Access::write);
        check_same_shape(first, "a", second, "b");
        check_same_shape(first, "a", out, "dst");
        check_same_dtype(first, "a", second, "b");
        check_same_dtype(first, "a", out, "dst");
        const py::gil_scoped_release released;
        cpu::difference(first, second, out, {workers});
      },
      "a"_a.noconvert(), "b"_a.noconvert(), "dst"_a.noconvert(), "workers"_a = 0);
}

}  // namespace cormack::bindings
