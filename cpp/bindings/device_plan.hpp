#pragma once
// Plans of GPU operations for Python, the same in _cormack_cpu, where they can only be looked at, and in _cormack_cuda.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cuda/operations.hpp"

namespace cormack::bindings {

namespace py = pybind11;

struct MadePlan {
  std::vector<device::Launch> launches;
  std::vector<std::int64_t> scratch_bytes;
  std::vector<std::vector<std::byte>> constants;
};

inline DType dtype_named(const std::string& name) {
  static constexpr const char* names[] = {"bool",   "uint8", "int8",    "uint16", "int16",
                                          "uint32", "int32", "float32", "float64"};
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (name == names[i]) return static_cast<DType>(i);
  throw py::type_error("no kernel takes the dtype " + name);
}

inline py::bytes bytes_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// An image: name of its dtype, shape and strides in elements, of two or three axes.
using ImageShape = std::tuple<std::string, std::vector<std::int64_t>, std::vector<std::int64_t>>;

inline MadePlan make_plan(const std::string& operation, const std::vector<ImageShape>& images,
                          const std::string& parameters, const std::vector<py::bytes>& tables) {
  device::Request request;
  request.parameters = parameters;
  for (const auto& [dtype, shape, strides] : images) {
    if (shape.empty() || shape.size() > 3 || shape.size() != strides.size())
      throw py::value_error("an image has one to three axes, and a stride for each");
    Image image{nullptr, dtype_named(dtype), static_cast<int>(shape.size()), {1, 1, 1}, {0, 0, 0}};
    std::copy(shape.begin(), shape.end(), image.shape.end() - static_cast<std::ptrdiff_t>(shape.size()));
    std::copy(strides.begin(), strides.end(), image.stride.end() - static_cast<std::ptrdiff_t>(shape.size()));
    request.images.push_back(image);
  }
  for (const py::bytes& table : tables) {
    const std::string_view view(table);
    const auto* begin = reinterpret_cast<const std::byte*>(view.data());
    request.tables.emplace_back(begin, begin + view.size());
  }
  device::Plan plan(request);
  device::plan_operation(operation, plan);
  return {std::move(plan.launches), std::move(plan.scratch_bytes), std::move(plan.constants)};
}

// Defines Plan and plan(); the caller adds how it runs.
inline auto define_plans(py::module_& module) {
  using namespace pybind11::literals;
  // Python's own exception of the same meaning; _backends.py turns it into BackendUnavailable.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): pybind11 takes a function of that very signature
  py::register_local_exception_translator([](std::exception_ptr raised) {
    try {
      if (raised) std::rethrow_exception(raised);
    } catch (const device::Unsupported& e) {
      py::set_error(PyExc_NotImplementedError, e.what());
    }
  });
  module.def("plan", &make_plan, "operation"_a, "images"_a, "parameters"_a, "tables"_a);
  return py::class_<MadePlan>(module, "Plan", py::module_local())
      .def_readonly("scratch", &MadePlan::scratch_bytes)
      .def_property_readonly("constants",
                             [](const MadePlan& plan) {
                               py::list list;
                               for (const auto& constant : plan.constants) list.append(bytes_of(constant));
                               return list;
                             })
      // (kernel, grid, block, shared bytes, argument bytes, [(place, 0: value 1: image 2: scratch 3: constant, index)])
      .def_property_readonly("launches", [](const MadePlan& plan) {
        py::list list;
        for (const device::Launch& launch : plan.launches) {
          py::list arguments;
          for (const device::Argument& argument : launch.arguments)
            arguments.append(py::make_tuple(argument.place, static_cast<int>(argument.space), argument.index));
          list.append(py::make_tuple(launch.kernel, py::make_tuple(launch.grid.x, launch.grid.y, launch.grid.z),
                                     py::make_tuple(launch.block.x, launch.block.y, launch.block.z), launch.shared,
                                     bytes_of(launch.bytes), arguments));
        }
        return list;
      });
}

}  // namespace cormack::bindings
