#include <pybind11/stl.h>

#include <memory>
#include <optional>

#include "bindings/arrays.hpp"
#include "features/glcm.hpp"
#include "features/glrlm.hpp"
#include "features/levels.hpp"

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
        const py::gil_scoped_release released;
        cpu::glcm(levels, offsets, per_slice, target, {workers});
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
}

}  // namespace cormack::bindings
