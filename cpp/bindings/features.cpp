#include "bindings/arrays.hpp"

namespace cormack::bindings {

void define_features(py::module_&) {}

}  // namespace cormack::bindings
