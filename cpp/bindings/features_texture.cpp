#include <pybind11/stl.h>

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

  using Counts = py::array_t<std::int64_t, py::array::c_style>;
  module.def(
      "size_features",
      [](const Counts& cells, const Counts& voxels) {
        if (cells.ndim() != 2 || cells.shape(1) != 4 || voxels.ndim() != 1)
          throw py::value_error("`cells` must have shape (cells, 4) and `voxels` one axis");
        Cells rows(static_cast<std::size_t>(cells.shape(0)));
        if (!rows.empty()) std::memcpy(rows.data(), cells.data(), rows.size() * sizeof(Cell));
        const std::vector<std::int64_t> each(voxels.data(), voxels.data() + voxels.shape(0));
        const py::gil_scoped_release released;
        return cpu::size_features(rows, each);
      },
      "cells"_a.noconvert(), "voxels"_a.noconvert());
  module.def(
      "pair_features",
      [](const Counts& counts) {
        if (counts.ndim() != 3 || counts.shape(1) != counts.shape(2) || counts.shape(1) < 1)
          throw py::value_error("`counts` must be square matrices");
        py::array_t<double> result({static_cast<py::ssize_t>(cpu::kPairFeatures), counts.shape(0)});
        double* to = result.mutable_data();
        const py::gil_scoped_release released;
        cpu::pair_features(counts.data(), counts.shape(0), counts.shape(1), to);
        return result;
      },
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
