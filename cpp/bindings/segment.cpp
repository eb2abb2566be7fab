#include "bindings/arrays.hpp"

namespace cormack::bindings {

void define_segment(py::module_&) {}

}  // namespace cormack::bindings
