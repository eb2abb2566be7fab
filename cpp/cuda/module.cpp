// _cormack_cuda: imports on any machine, also without a driver.
#include "bindings/device_plan.hpp"
#include "cuda/device.hpp"
#include "cuda/run.hpp"

PYBIND11_MODULE(_cormack_cuda, module, pybind11::mod_gil_not_used()) {
  namespace py = cormack::bindings::py;
  using namespace pybind11::literals;
  module.def("runtime_version", &cormack::cuda::runtime_version);
  module.def("problem", &cormack::cuda::problem);
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
  cormack::bindings::define_plans(module).def(
      "run",
      [](const cormack::bindings::MadePlan& plan, const std::vector<std::uintptr_t>& images,
         const std::vector<std::uintptr_t>& scratch, const std::vector<std::uintptr_t>& constants, int device,
         std::uintptr_t stream) {
        const py::gil_scoped_release release;
        cormack::cuda::run(plan.launches, images, scratch, constants, device, stream);
      },
      "images"_a, "scratch"_a, "constants"_a, "device"_a, "stream"_a);
}
