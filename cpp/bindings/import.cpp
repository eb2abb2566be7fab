#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "import/dicom_frames.hpp"
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
  for (std::size_t i = 0; i < header.own.size(); ++i) {
    const auto& value = header.own[i];
    own[i] = value ? py::object(py::bytes(*value)) : py::object(py::none());
  }
  return py::make_tuple(static_cast<int>(header.kind), header.offset, header.length, py::bytes(header.shared), own);
}

// path, offset, packed bytes, unused bits above and below, what to turn over at or None, slope, intercept, and both of
// them modulo 2^32 where they are integers.
using FrameTuple = std::tuple<std::string, std::int64_t, std::int64_t, int, int, std::optional<std::int64_t>, double,
                              double, std::uint32_t, std::uint32_t>;

DicomFrame frame_of(FrameTuple&& given, int width) {
  DicomFrame frame;
  auto& [path, offset, packed, above, below, flip, slope, intercept, whole_slope, whole_intercept] = given;
  if (offset < 0 || packed < 0 || above < 0 || below < 0 || above + below >= width)
    throw py::value_error("`frames` has a negative offset or unused bits that leave none");
  frame.path = std::move(path);
  frame.offset = offset;
  frame.packed = packed;
  frame.bits = {above, below, flip.has_value(), flip.value_or(0)};
  frame.slope = slope;
  frame.intercept = intercept;
  frame.whole_slope = whole_slope;
  frame.whole_intercept = whole_intercept;
  return frame;
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
  // The fragments (offset, length) of encapsulated pixels whose items start at `offset`; None where they are odd.
  module.def(
      "dicom_fragments",
      [](const std::string& path, std::int64_t offset) { return dicom_fragments(path.c_str(), offset); }, "path"_a,
      "offset"_a, py::call_guard<py::gil_scoped_release>());
  // For each frame: state (0 done, 1 cut off, 2 not decoded, 3 not read), errno, smallest and largest value before the
  // rescale.
  module.def(
      "dicom_frames",
      [](std::vector<FrameTuple> frames, const std::string& stored, int rescale, const py::array& dst, int workers) {
        constexpr std::array<std::pair<const char*, DType>, 6> types{{{"u1", DType::u8},
                                                                      {"i1", DType::i8},
                                                                      {"u2", DType::u16},
                                                                      {"i2", DType::i16},
                                                                      {"u4", DType::u32},
                                                                      {"i4", DType::i32}}};
        const auto type = std::ranges::find_if(types, [&](const auto& entry) { return stored == entry.first; });
        if (type == types.end() || rescale < 0 || rescale > 2) throw py::value_error("no such type or rescale");
        const Image volume = image_of(dst, "dst", Access::write);
        if (!dispatch(volume.dtype, [&](auto t) { return volume.view<decltype(t)>().contiguous(); }))
          throw py::value_error("`dst` must be contiguous");
        std::vector<DicomFrame> sources;
        sources.reserve(frames.size());
        for (FrameTuple& frame : frames)
          sources.push_back(frame_of(std::move(frame), 8 * static_cast<int>(item_size(type->second))));
        {
          const py::gil_scoped_release released;
          dicom_frames(sources, type->second, static_cast<Rescale>(rescale), volume, {workers});
        }
        std::vector<std::tuple<int, int, std::int64_t, std::int64_t>> result;
        result.reserve(sources.size());
        for (const DicomFrame& frame : sources)
          result.emplace_back(static_cast<int>(frame.state), frame.error, frame.low, frame.high);
        return result;
      },
      "frames"_a, "stored"_a, "rescale"_a, "dst"_a.noconvert(), "workers"_a = 0);
}

}  // namespace cormack::bindings
