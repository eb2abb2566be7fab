// _cormack_cuda: imports on any machine, also without a driver.
#include <pybind11/pybind11.h>

#include "cuda/device.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_cormack_cuda, module, py::mod_gil_not_used()) {
  module.def("runtime_version", &cormack::cuda::runtime_version);
  module.def("devices", [] {
    py::list list;
    for (const cormack::cuda::Device& device : cormack::cuda::devices()) {
      py::dict entry;
      entry["index"] = device.index;
      entry["name"] = device.name;
      entry["compute_capability"] = device.compute_capability;
      entry["memory_bytes"] = device.memory_bytes;
      list.append(entry);
    }
    return list;
  });
}
