#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "bindings/arrays.hpp"
#include "features/glcm.hpp"
#include "features/glrlm.hpp"
#include "features/levels.hpp"
#include "features/matrix_features.hpp"
#include "features/neighbour_tables.hpp"
#include "features/zones.hpp"

namespace cormack::bindings {
namespace {

std::optional<Image> region_of(const std::optional<py::array>& mask, const char* argument, const Image& levels) {
  if (!mask) return std::nullopt;
  const Image inside = image_of(*mask, argument);
  if (inside.dtype != DType::boolean && inside.dtype != DType::u8)
    throw py::type_error(std::string("`") + argument + "` must be bool or uint8");
  check_same_shape(levels, "levels", inside, argument);
  return inside;
}

const Image* pointer(const std::optional<Image>& image) { return image ? &*image : nullptr; }

py::array_t<std::int64_t> array_of(const Cells& cells) {
  py::array_t<std::int64_t> result({static_cast<py::ssize_t>(cells.size()), py::ssize_t{4}});
  if (!cells.empty()) std::memcpy(result.mutable_data(), cells.data(), cells.size() * sizeof(Cell));
  return result;
}

using Counts = py::array_t<std::int64_t, py::array::c_style>;
using Table = py::array_t<std::uint64_t, py::array::c_style>;

std::vector<std::int64_t> values_in(const Counts& values) {
  if (values.ndim() != 1) throw py::value_error("an array must have one axis");
  return {values.data(), values.data() + values.shape(0)};
}

Cells cells_in(const Counts& cells) {
  if (cells.ndim() != 2 || cells.shape(1) != 4) throw py::value_error("`cells` must have shape (cells, 4)");
  Cells rows(static_cast<std::size_t>(cells.shape(0)));
  if (!rows.empty()) std::memcpy(rows.data(), cells.data(), rows.size() * sizeof(Cell));
  return rows;
}

// A histogram that is not empty.
const std::int64_t* data_of(const Counts& counts) {
  const std::int64_t* data = counts.data();
  if (counts.ndim() != 1 || !std::any_of(data, data + counts.shape(0), [](std::int64_t count) { return count > 0; }))
    throw py::value_error("`counts` must be a histogram of some value");
  return data;
}

// A table for each slice, or one of all: levels, neighbours, and `values` for each.
std::vector<py::ssize_t> table_shape(const Levels& levels, int dimensions, std::int64_t distance, py::ssize_t values) {
  if (distance < 1 || distance > levels.pad()) throw py::value_error("`distance` must be within the padding");
  return {dimensions == 2 ? static_cast<py::ssize_t>(levels.depth()) : 1,
          static_cast<py::ssize_t>(levels.level_count()),
          static_cast<py::ssize_t>(most_neighbours(dimensions, distance) + 1), values};
}

}  // namespace

void define_texture_features(py::module_& module) {
  py::class_<Levels>(module, "Levels")
      .def(py::init([](const py::array& levels, const std::optional<py::array>& mask,
                       const std::optional<py::array>& morphology, std::int64_t level_count, std::int64_t pad,
                       int workers) {
             const Image in = image_of(levels, "levels");
             const auto inside = region_of(mask, "mask", in), region = region_of(morphology, "morphology", in);
             if (pad < 1 || pad > 1000) throw py::value_error("`pad` must be from 1 to 1000");
             const py::gil_scoped_release released;
             return std::make_unique<Levels>(in, pointer(inside), pointer(region), level_count, pad, Context{workers});
           }),
           "levels"_a.noconvert(), "mask"_a.noconvert(), "morphology"_a.noconvert(), "level_count"_a, "pad"_a = 1,
           "workers"_a = 0)
      .def_property_readonly("shape", [](const Levels& levels) { return levels.shape(); })
      .def_property_readonly("level_count", &Levels::level_count)
      .def_property_readonly("pad", &Levels::pad)
      .def_property_readonly("counts", &Levels::counts);

  module.def(
      "merge_cells",
      [](const Counts& cells, const Counts& group_of) {
        const Cells rows = cells_in(cells);
        const cpu::Groups groups = values_in(group_of);
        Cells merged;
        {
          const py::gil_scoped_release released;
          merged = cpu::merge_cells(rows, groups);
        }
        return array_of(merged);
      },
      "cells"_a.noconvert(), "group_of"_a.noconvert());
  module.def(
      "size_features",
      [](const Counts& cells, const Counts& voxels, const std::optional<Counts>& group_of) {
        Cells rows = cells_in(cells);
        std::vector<std::int64_t> each = values_in(voxels);
        const auto groups = group_of ? std::make_optional(values_in(*group_of)) : std::nullopt;
        const py::gil_scoped_release released;
        if (groups) {
          rows = cpu::merge_cells(rows, *groups);
          each = cpu::merge_counts(each, *groups);
        }
        return cpu::size_features(rows, each);
      },
      "cells"_a.noconvert(), "voxels"_a.noconvert(), "group_of"_a.noconvert() = py::none());
  module.def(
      "cells_of",
      [](const Table& counts) {
        if (counts.ndim() != 3) throw py::value_error("`counts` must be matrices");
        const std::uint64_t* data = counts.data();
        const std::int64_t matrices = counts.shape(0), levels = counts.shape(1), sizes = counts.shape(2);
        Cells cells;
        {
          const py::gil_scoped_release released;
          cells = cpu::cells_of(data, matrices, levels, sizes);
        }
        return array_of(cells);
      },
      "counts"_a.noconvert());
  module.def(
      "pair_features",
      [](const py::array_t<std::uint32_t, py::array::c_style>& counts, const Counts& group_of) {
        const cpu::Groups groups = values_in(group_of);
        if (counts.ndim() != 4 || counts.shape(2) != counts.shape(3) || counts.shape(2) < 1 ||
            counts.shape(0) * counts.shape(1) != static_cast<py::ssize_t>(groups.size()))
          throw py::value_error("`counts` must be square matrices, and `group_of` name the group of each");
        const std::uint32_t* data = counts.data();
        const std::int64_t levels = counts.shape(2);
        const py::gil_scoped_release released;
        return cpu::pair_features(data, groups, levels);
      },
      "counts"_a.noconvert(), "group_of"_a.noconvert());
  module.def(
      "tone_matrices",
      [](const Table& cells, bool merged) {
        if (cells.ndim() != 4 || cells.shape(3) != 2) throw py::value_error("`cells` must be what `ngtdm` returns");
        const std::int64_t tables = cells.shape(0), levels = cells.shape(1), width = cells.shape(2);
        const auto* data = reinterpret_cast<const ToneCell*>(cells.data());
        std::vector<double> found;
        {
          const py::gil_scoped_release released;
          found = cpu::tone_matrices(data, tables, levels, width, merged);
        }
        return py::array_t<double>({merged ? 1 : tables, levels, std::int64_t{2}}, found.data());
      },
      "cells"_a.noconvert(), "merged"_a);
  module.def(
      "tone_features",
      [](const py::array_t<double, py::array::c_style>& matrices) {
        if (matrices.ndim() != 3 || matrices.shape(2) != 2) throw py::value_error("`matrices` must have two columns");
        const double* data = matrices.data();
        const std::int64_t count = matrices.shape(0), levels = matrices.shape(1);
        const py::gil_scoped_release released;
        return cpu::tone_features(data, count, levels);
      },
      "matrices"_a.noconvert());
  module.def(
      "histogram_features",
      [](const Counts& counts) { return cpu::histogram_features(data_of(counts), counts.shape(0)); },
      "counts"_a.noconvert());
  module.def(
      "volume_fractions", [](const Counts& counts) { return cpu::volume_fractions(data_of(counts), counts.shape(0)); },
      "counts"_a.noconvert());
  module.def(
      "level_range",
      [](const py::array& levels, const std::optional<py::array>& mask, const std::optional<py::array>& morphology,
         int workers) -> py::object {
        const Image in = image_of(levels, "levels");
        const auto inside = region_of(mask, "mask", in), region = region_of(morphology, "morphology", in);
        LevelRange range;
        {
          const py::gil_scoped_release released;
          range = cpu::level_range(in, pointer(inside), pointer(region), {workers});
        }
        if (!range.any) return py::none();
        return py::make_tuple(range.lowest, range.highest, range.begin, range.end);
      },
      "levels"_a.noconvert(), "mask"_a.noconvert() = py::none(), "morphology"_a.noconvert() = py::none(),
      "workers"_a = 0);

  module.def(
      "glcm",
      [](const Levels& levels, const std::vector<Offset>& offsets, bool per_slice, int workers) {
        py::array_t<std::uint32_t> counts({per_slice ? levels.depth() : 1, static_cast<std::int64_t>(offsets.size()),
                                           levels.level_count(), levels.level_count()});
        std::uint32_t* target = counts.mutable_data();
        {
          const py::gil_scoped_release released;
          cpu::glcm(levels, offsets, per_slice, target, {workers});
        }
        return counts;
      },
      "levels"_a, "offsets"_a, "per_slice"_a, "workers"_a = 0);

  module.def(
      "glrlm",
      [](const Levels& levels, const std::vector<Offset>& directions, bool per_slice, int workers) {
        Cells cells;
        {
          const py::gil_scoped_release released;
          cells = cpu::glrlm(levels, directions, per_slice, {workers});
        }
        return array_of(cells);
      },
      "levels"_a, "directions"_a, "per_slice"_a, "workers"_a = 0);

  module.def(
      "zones",
      [](const Levels& levels, int dimensions, bool distances, int workers) {
        ZoneCells cells;
        {
          const py::gil_scoped_release released;
          cells = cpu::zones(levels, dimensions, distances, {workers});
        }
        return py::make_tuple(array_of(cells.sizes), array_of(cells.distances));
      },
      "levels"_a, "dimensions"_a, "distances"_a, "workers"_a = 0);

  module.def(
      "ngtdm",
      [](const Levels& levels, int dimensions, std::int64_t distance, int workers) {
        static_assert(sizeof(ToneCell) == 2 * sizeof(std::uint64_t));
        py::array_t<std::uint64_t> cells(table_shape(levels, dimensions, distance, 2));
        auto* target = reinterpret_cast<ToneCell*>(cells.mutable_data());
        {
          const py::gil_scoped_release released;
          cpu::ngtdm(levels, dimensions, distance, target, {workers});
        }
        return cells;
      },
      "levels"_a, "dimensions"_a, "distance"_a, "workers"_a = 0);

  module.def(
      "ngldm",
      [](const Levels& levels, int dimensions, std::int64_t distance, std::int64_t coarseness, int workers) {
        py::array_t<std::uint64_t> counts(table_shape(levels, dimensions, distance, 1));
        std::uint64_t* target = counts.mutable_data();
        {
          const py::gil_scoped_release released;
          cpu::ngldm(levels, dimensions, distance, coarseness, target, {workers});
        }
        return counts;
      },
      "levels"_a, "dimensions"_a, "distance"_a, "coarseness"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
