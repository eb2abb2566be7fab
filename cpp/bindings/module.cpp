// _cormack_cpu: one function per operation, its dtype switched inside. One define_... per file beside this one.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>

#include "core/isa.hpp"
#include "core/parallel.hpp"

namespace py = pybind11;

namespace cormack::bindings {
void define_linear_filters(py::module_& module);
void define_convolution_filters(py::module_& module);
void define_rank_filters(py::module_& module);
void define_denoising_filters(py::module_& module);
void define_edge_filters(py::module_& module);
void define_geometry_filters(py::module_& module);
void define_enhance(py::module_& module);
void define_segment(py::module_& module);
void define_segment_morphology(py::module_& module);
void define_segment_contours(py::module_& module);
void define_region_growing(py::module_& module);
void define_features(py::module_& module);
void define_texture_features(py::module_& module);
void define_detect(py::module_& module);
void define_detect_edges(py::module_& module);
void define_detect_objects(py::module_& module);
void define_feature_maps(py::module_& module);
void define_import(py::module_& module);
void define_device(py::module_& module);
}  // namespace cormack::bindings

// C symbols, so that threadpoolctl reaches the pool through the loaded library.
#if defined(_WIN32)
#define CORMACK_EXPORT extern "C" __declspec(dllexport)
#else
#define CORMACK_EXPORT extern "C" __attribute__((visibility("default")))
#endif
CORMACK_EXPORT int cormack_get_num_threads() { return cormack::get_num_threads(); }
CORMACK_EXPORT void cormack_set_num_threads(int count) { cormack::set_num_threads(count); }

PYBIND11_MODULE(_cormack_cpu, module, py::mod_gil_not_used()) {
  using namespace pybind11::literals;
  module.attr("version") = CORMACK_VERSION;
  module.attr("compiler") = CORMACK_COMPILER;
  module.attr("build_type") = CORMACK_BUILD_TYPE;
  module.def("isa", [] { return std::string(cormack::isa_name(cormack::active_isa())); });
  module.def("available_isas", &cormack::available_isas);
  module.def("use_isa", &cormack::use_isa, "name"_a);
  module.def("get_num_threads", &cormack::get_num_threads);
  module.def("set_num_threads", &cormack::set_num_threads, "count"_a);
  cormack::bindings::define_linear_filters(module);
  cormack::bindings::define_convolution_filters(module);
  cormack::bindings::define_rank_filters(module);
  cormack::bindings::define_denoising_filters(module);
  cormack::bindings::define_edge_filters(module);
  cormack::bindings::define_geometry_filters(module);
  cormack::bindings::define_enhance(module);
  cormack::bindings::define_segment(module);
  cormack::bindings::define_segment_morphology(module);
  cormack::bindings::define_segment_contours(module);
  cormack::bindings::define_region_growing(module);
  cormack::bindings::define_features(module);
  cormack::bindings::define_texture_features(module);
  cormack::bindings::define_detect(module);
  cormack::bindings::define_detect_edges(module);
  cormack::bindings::define_detect_objects(module);
  cormack::bindings::define_feature_maps(module);
  cormack::bindings::define_import(module);
  cormack::bindings::define_device(module);
}
