# The optional extension _cormack_cuda. It is never needed: with CORMACK_CUDA=AUTO a machine without a CUDA compiler
# builds everything else.
if(NOT CORMACK_PYTHON OR CORMACK_CUDA STREQUAL "OFF")
  return()
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(CORMACK_CUDA STREQUAL "ON")
    message(FATAL_ERROR "CORMACK_CUDA=ON, but no CUDA compiler was found: install the CUDA toolkit, set CUDACXX, "
      "or use CORMACK_CUDA=AUTO")
  endif()
  message(STATUS "CUDA: no compiler found, building for the CPU alone")
  return()
endif()

# The oldest supported one, as PTX too, which every later GPU runs. Native code for those comes with the first kernel:
# a list of them multiplies the time of every file.
set(CMAKE_CUDA_ARCHITECTURES 75 CACHE STRING "CUDA architectures")
enable_language(CUDA)
file(GLOB CORMACK_CUDA_SOURCES CONFIGURE_DEPENDS cpp/*/*.cu)
pybind11_add_module(_cormack_cuda MODULE NO_EXTRAS ${CORMACK_CUDA_SOURCES} cpp/cuda/module.cpp)
cormack_strip(_cormack_cuda)
target_include_directories(_cormack_cuda PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/cpp)
target_compile_features(_cormack_cuda PRIVATE cuda_std_20)
# --fmad=false: equal bits on the CPU and the GPU.
target_compile_options(_cormack_cuda PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false --compress-mode=size>)
# Static runtime: the module imports on a machine without a driver.
set_target_properties(_cormack_cuda PROPERTIES CUDA_RUNTIME_LIBRARY Static)
install(TARGETS _cormack_cuda DESTINATION cormack COMPONENT python)
