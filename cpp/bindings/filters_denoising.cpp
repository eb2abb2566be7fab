#include <pybind11/stl.h>

#include "bindings/arrays.hpp"

namespace cormack::bindings {

void define_denoising_filters(py::module_& module) { static_cast<void>(module); }

}  // namespace cormack::bindings
