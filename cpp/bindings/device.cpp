#include "bindings/device_plan.hpp"

namespace cormack::bindings {
void define_device(py::module_& module) { define_plans(module); }
}  // namespace cormack::bindings
