#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "import/dicom_header.hpp"

namespace cormack::bindings {
namespace {

// Paths in the file system's encoding: bytes, since names need not be text.
std::vector<std::string> strings_of(const std::vector<py::bytes>& paths) {
  std::vector<std::string> result;
  result.reserve(paths.size());
  for (const py::bytes& path : paths) {
    result.emplace_back(path);
    if (result.back().find('\0') != std::string::npos) throw py::value_error("`paths` must not hold a null byte");
  }
  return result;
}

py::tuple as_tuple(const DicomHeader& header) {
  py::tuple own(header.own.size());
  for (std::size_t i = 0; i < header.own.size(); ++i)
    own[i] = header.own[i] ? py::object(py::bytes(*header.own[i])) : py::object(py::none());
  return py::make_tuple(static_cast<int>(header.kind), header.offset, header.length, py::bytes(header.shared), own);
}

}  // namespace

void define_import(py::module_& module) {
  // A tuple for each file: kind (0 native, 1 encapsulated, 2 no pixels, 3 not DICOM, 4 unsure), offset and length of
  // the pixels, the shared fields one after the other (tag, length, value), a value or None for each of the own fields.
  module.def(
      "dicom_headers",
      [](const std::vector<py::bytes>& paths, std::vector<std::uint32_t> shared, std::vector<std::uint32_t> own,
         int workers) {
        const std::vector<std::string> names = strings_of(paths);
        if (!std::ranges::is_sorted(shared) || !std::ranges::is_sorted(own))
          throw py::value_error("tags must be in ascending order");
        const DicomFields fields{std::move(shared), std::move(own)};
        std::vector<DicomHeader> headers(names.size());
        {
          const py::gil_scoped_release released;
          dicom_headers(names, fields, headers, {workers});
        }
        py::list result(headers.size());
        for (std::size_t i = 0; i < headers.size(); ++i) result[i] = as_tuple(headers[i]);
        return result;
      },
      "paths"_a, "shared"_a, "own"_a, "workers"_a = 0);
}

}  // namespace cormack::bindings
