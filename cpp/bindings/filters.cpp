#include "bindings/arrays.hpp"

namespace cormack::bindings {

void define_filters(py::module_&) {}

}  // namespace cormack::bindings
