#include <pybind11/stl.h>

#include <bit>
#include <span>
#include <vector>

#include "bindings/arrays.hpp"
#include "features/mesh.hpp"
#include "segment/block_components.hpp"
#include "segment/clear_border.hpp"
#include "segment/fill_holes.hpp"
#include "segment/hysteresis_threshold.hpp"
#include "segment/label.hpp"
#include "segment/label_statistics.hpp"
#include "segment/label_surfaces.hpp"
#include "segment/label_values.hpp"
#include "segment/largest_component.hpp"
#include "segment/relabel.hpp"
#include "segment/remove_small_holes.hpp"
#include "segment/remove_small_objects.hpp"

namespace cormack::bindings {
namespace {

using Array = py::array;

// Turns optional arrays into the pointers that the operations take.
struct OptionalImage {
  explicit OptionalImage(const py::object& array, const char* argument) : given(!array.is_none()) {
    if (given) image = image_of(py::cast<py::array>(array), argument);
  }
  const Image* get() const { return given ? &image : nullptr; }
  bool given;
  Image image{};
};

void check_pair(const Image& in, const Image& out, DType dtype) {
  check_same_shape(in, "src", out, "dst");
  if (out.dtype != dtype) throw py::type_error("`dst` has the wrong dtype");
}

// Operations from a mask to a mask of the same shape.
template <class Operation>
void define_mask_operation(py::module_& module, const char* name, Operation operation) {
  module.def(
      name,
      [operation](const Array& src, const Array& dst, int connectivity, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_pair(in, out, DType::boolean);
        const py::gil_scoped_release released;
        operation(in, out, connectivity, Context{workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "connectivity"_a, "workers"_a = 0);
}

// Such operations that take a number of pixels.
template <class Operation>
void define_size_operation(py::module_& module, const char* name, const char* size, Operation operation) {
  module.def(
      name,
      [operation](const Array& src, const Array& dst, std::int64_t pixels, int connectivity, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_pair(in, out, DType::boolean);
        const py::gil_scoped_release released;
        operation(in, out, pixels, connectivity, Context{workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), py::arg(size), "connectivity"_a, "workers"_a = 0);
}

// One column of a table whose rows are structs: `get` gives `width` numbers of a row.
template <class T, class Get>
py::array_t<T> column(std::span<const LabelStatistics> rows, py::ssize_t width, Get get) {
  const auto count = static_cast<py::ssize_t>(rows.size());
  py::array_t<T> result(width == 1 ? std::vector<py::ssize_t>{count} : std::vector<py::ssize_t>{width, count});
  T* out = result.mutable_data();
  for (const LabelStatistics& row : rows) {
    for (py::ssize_t k = 0; k < width; ++k) out[k * count] = get(row, static_cast<std::size_t>(k));
    ++out;
  }
  return result;
}

using Labels = py::array_t<std::int64_t, py::array::c_style>;

std::span<const std::int64_t> span_of(const Labels& labels) {
  return {labels.data(), static_cast<std::size_t>(labels.size())};
}

// What each cell's mesh adds to the voxels' own volume.
CellSurfaces cube_cells(const std::array<double, 3>& spacing) {
  const std::array<Mesh, 256> meshes = meshes_of_cells(spacing);
  CellSurfaces cells;
  for (std::size_t i = 0; i < 256; ++i) {
    const double inside = std::popcount(i) / 8.0 * (spacing[0] * spacing[1] * spacing[2]);
    cells[i] = {meshes[i].area, meshes[i].volume - inside};
  }
  return cells;
}

py::dict columns(std::span<const LabelStatistics> rows) {
  using Row = LabelStatistics;
  py::dict result;
  result["label"] = column<std::int64_t>(rows, 1, [](const Row& row, std::size_t) { return row.label; });
  result["count"] = column<std::int64_t>(rows, 1, [](const Row& row, std::size_t) { return row.count; });
  result["centroid"] = column<double>(rows, 3, [](const Row& row, std::size_t k) { return row.centroid[k]; });
  result["start"] = column<std::int64_t>(rows, 3, [](const Row& row, std::size_t k) { return row.start[k]; });
  result["stop"] = column<std::int64_t>(rows, 3, [](const Row& row, std::size_t k) { return row.stop[k]; });
  result["principal_moments"] =
      column<double>(rows, 3, [](const Row& row, std::size_t k) { return row.principal_moments[k]; });
  result["principal_axes"] =
      column<double>(rows, 9, [](const Row& row, std::size_t k) { return row.principal_axes[k / 3][k % 3]; });
  result["weighted_centroid"] =
      column<double>(rows, 3, [](const Row& row, std::size_t k) { return row.weighted_centroid[k]; });
  result["mean"] = column<double>(rows, 1, [](const Row& row, std::size_t) { return row.mean; });
  result["std"] = column<double>(rows, 1, [](const Row& row, std::size_t) { return row.std; });
  result["min"] = column<double>(rows, 1, [](const Row& row, std::size_t) { return row.min; });
  result["max"] = column<double>(rows, 1, [](const Row& row, std::size_t) { return row.max; });
  return result;
}

}  // namespace

void define_segment(py::module_& module) {
  module.def(
      "label",
      [](const Array& src, const Array& dst, int connectivity, bool zeroed, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_pair(in, out, DType::i32);
        const py::gil_scoped_release released;
        return cpu::label(in, out, connectivity, zeroed, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "connectivity"_a, "zeroed"_a, "workers"_a = 0);
  // Returns the columns and 0, or nothing and a negative label.
  module.def(
      "label_statistics",
      [](const Array& labels, const py::object& image, const std::array<double, 3>& spacing, bool principal,
         bool weighted, int workers) {
        const Image in = image_of(labels, "labels");
        const OptionalImage values(image, "image");
        if (values.given) check_same_shape(in, "labels", values.image, "image");
        LabelStatisticsTable table;
        {
          const py::gil_scoped_release released;
          table = cpu::label_statistics(in, values.get(), spacing, {principal, weighted}, {workers});
        }
        return py::make_tuple(columns(table.rows), table.negative_label);
      },
      "labels"_a.noconvert(), "image"_a, "spacing"_a, "principal"_a = true, "weighted"_a = false, "workers"_a = 0);
  // values: 0 without them, 1 for integers, 2 for floating ones.
  module.def(
      "label_statistics_of_sums",
      [](const Labels& labels, const py::array_t<std::uint64_t, py::array::c_style>& sums,
         const py::array_t<std::int32_t, py::array::c_style>& boxes,
         const py::array_t<double, py::array::c_style>& extremes, const py::array_t<double, py::array::c_style>& spread,
         int values, int ndim, const std::array<double, 3>& spacing, bool principal) {
        const auto all = [](const auto& array) {
          return std::span(array.data(), static_cast<std::size_t>(array.size()));
        };
        const std::optional<DType> dtype =
            values == 0 ? std::nullopt : std::optional(values == 1 ? DType::i32 : DType::f64);
        return columns(cpu::label_statistics_of_sums(
            {span_of(labels), all(sums), all(boxes), all(extremes), all(spread), dtype}, ndim, spacing, principal));
      },
      "labels"_a.noconvert(), "sums"_a.noconvert(), "boxes"_a.noconvert(), "extremes"_a.noconvert(),
      "spread"_a.noconvert(), "values"_a, "ndim"_a, "spacing"_a, "principal"_a);
  module.def(
      "label_surfaces",
      [](const Array& labels, const Labels& numbers, const std::array<double, 3>& spacing, int workers) {
        const Image in = image_of(labels, "labels");
        std::vector<LabelSurface> surfaces;
        {
          const py::gil_scoped_release released;
          const CellSurfaces cells = in.ndim == 2 ? square_cells(spacing) : cube_cells(spacing);
          surfaces = cpu::label_surfaces(in, span_of(numbers), cells, {workers});
        }
        py::array_t<double> areas(static_cast<py::ssize_t>(surfaces.size())), volumes(areas.size());
        for (std::size_t i = 0; i < surfaces.size(); ++i) {
          areas.mutable_data()[i] = surfaces[i].area;
          volumes.mutable_data()[i] = surfaces[i].volume;
        }
        return py::make_tuple(areas, volumes);
      },
      "labels"_a.noconvert(), "numbers"_a.noconvert(), "spacing"_a, "workers"_a = 0);
  module.def(
      "label_values",
      [](const Array& labels, const Array& image, const Labels& numbers, const std::vector<double>& quantiles,
         bool moments, int workers) {
        const Image in = image_of(labels, "labels"), values = image_of(image, "image");
        check_same_shape(in, "labels", values, "image");
        LabelValues found;
        {
          const py::gil_scoped_release released;
          found = cpu::label_values(in, values, span_of(numbers), quantiles, moments, {workers});
        }
        const auto array = [](const std::vector<double>& of) {
          return py::array_t<double>(static_cast<py::ssize_t>(of.size()), of.data());
        };
        return py::make_tuple(array(found.skewness), array(found.kurtosis), array(found.quantiles));
      },
      "labels"_a.noconvert(), "image"_a.noconvert(), "numbers"_a.noconvert(), "quantiles"_a, "moments"_a,
      "workers"_a = 0);
  module.def(
      "relabel",
      [](const Array& src, const Array& dst, const py::array_t<std::int64_t, py::array::c_style>& from,
         const py::array_t<std::int32_t, py::array::c_style>& to, int workers) {
        const Image in = image_of(src, "src"), out = image_of(dst, "dst", Access::write);
        check_pair(in, out, DType::i32);
        const std::span<const std::int64_t> old_labels(from.data(), static_cast<std::size_t>(from.size()));
        const std::span<const std::int32_t> new_labels(to.data(), static_cast<std::size_t>(to.size()));
        const py::gil_scoped_release released;
        cpu::relabel(in, out, old_labels, new_labels, {workers});
      },
      "src"_a.noconvert(), "dst"_a.noconvert(), "from_labels"_a.noconvert(), "to_labels"_a.noconvert(),
      "workers"_a = 0);
  // Returns first pixels, sizes, what is marked, and six faces.
  module.def(
      "block_components",
      [](const Array& mask, const py::object& marks, const std::vector<std::array<std::int64_t, 3>>& points,
         int connectivity, int workers) {
        const Image in = image_of(mask, "mask");
        const OptionalImage marked(marks, "marks");
        if (marked.given) check_same_shape(in, "mask", marked.image, "marks");
        BlockComponents found;
        {
          const py::gil_scoped_release released;
          found = cpu::block_components(in, marked.get(), points, connectivity, {workers});
        }
        const auto array = [](const auto& values) {
          return py::array(static_cast<py::ssize_t>(values.size()), values.data());
        };
        py::list faces;
        for (const std::vector<std::int32_t>& face : found.faces) faces.append(array(face));
        return py::make_tuple(array(found.firsts), array(found.sizes), array(found.marked), faces);
      },
      "mask"_a.noconvert(), "marks"_a, "points"_a, "connectivity"_a, "workers"_a = 0);
  module.def(
      "number_components",
      [](const Array& mask, const Array& dst, const py::array_t<std::int32_t, py::array::c_style>& numbers,
         int connectivity, int workers) {
        const Image in = image_of(mask, "mask"), out = image_of(dst, "dst", Access::write);
        check_pair(in, out, DType::i32);
        const std::span<const std::int32_t> given(numbers.data(), static_cast<std::size_t>(numbers.size()));
        const py::gil_scoped_release released;
        cpu::number_components(in, out, given, connectivity, {workers});
      },
      "mask"_a.noconvert(), "dst"_a.noconvert(), "numbers"_a.noconvert(), "connectivity"_a, "workers"_a = 0);
  module.def(
      "choose_components",
      [](const Array& mask, const Array& dst, const py::array_t<std::uint8_t, py::array::c_style>& chosen,
         int connectivity, int workers) {
        const Image in = image_of(mask, "mask"), out = image_of(dst, "dst", Access::write);
        check_pair(in, out, DType::boolean);
        const std::span<const std::uint8_t> given(chosen.data(), static_cast<std::size_t>(chosen.size()));
        const py::gil_scoped_release released;
        cpu::choose_components(in, out, given, connectivity, {workers});
      },
      "mask"_a.noconvert(), "dst"_a.noconvert(), "chosen"_a.noconvert(), "connectivity"_a, "workers"_a = 0);
  define_mask_operation(module, "fill_holes", cpu::fill_holes);
  define_mask_operation(module, "clear_border", cpu::clear_border);
  define_mask_operation(module, "largest_component", cpu::largest_component);
  module.def(
      "hysteresis_threshold",
      [](const Array& weak, double low, const Array& strong, double high, const Array& dst, int connectivity,
         int workers) {
        const Image in = image_of(weak, "weak"), seeds = image_of(strong, "strong");
        const Image out = image_of(dst, "dst", Access::write);
        check_same_shape(in, "weak", seeds, "strong");
        check_pair(in, out, DType::boolean);
        const py::gil_scoped_release released;
        cpu::hysteresis_threshold(in, low, seeds, high, out, connectivity, {workers});
      },
      "weak"_a.noconvert(), "low"_a, "strong"_a.noconvert(), "high"_a, "dst"_a.noconvert(), "connectivity"_a,
      "workers"_a = 0);
  define_size_operation(module, "remove_small_objects", "min_size", cpu::remove_small_objects);
  define_size_operation(module, "remove_small_holes", "max_size", cpu::remove_small_holes);
}

}  // namespace cormack::bindings
