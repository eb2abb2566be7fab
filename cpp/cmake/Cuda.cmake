# The optional extension _cormack_cuda. It is never needed: with CORMACK_CUDA=AUTO a machine without a CUDA compiler
# builds everything else.
if(NOT CORMACK_PYTHON OR CORMACK_CUDA STREQUAL "OFF")
  return()
endif()
# With ON, the compiler may come from wheels: pip install "cuda-toolkit[nvcc,cudart,crt,nvvm,cccl]==13.0.*".
if(CORMACK_CUDA STREQUAL "ON" AND NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(CORMACK_NVCC nvcc)
  if(NOT CORMACK_NVCC)
    execute_process(COMMAND "${Python_EXECUTABLE}" -c
      "import glob, nvidia, os; print(*[p for d in nvidia.__path__ for p in glob.glob(os.path.join(d, 'cu1[3-9]', 'bin', 'nvcc'))][:1])"
      OUTPUT_VARIABLE _nvcc OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(_nvcc)
      set(CMAKE_CUDA_COMPILER "${_nvcc}")
      # The wheels' libraries are in lib, nvcc looks into lib64.
      cmake_path(GET _nvcc PARENT_PATH _root)
      cmake_path(GET _root PARENT_PATH _root)
      set(CMAKE_CUDA_FLAGS_INIT "-L${_root}/lib")
    endif()
  endif()
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

# Code for each generation, and for later ones what the driver compiles.
set(CMAKE_CUDA_ARCHITECTURES "75-real;80-real;86-real;89-real;90-real;100-real;120" CACHE STRING "CUDA architectures")
option(CORMACK_CUDA_GATE "Fail on kernels that spill registers or use local memory" OFF)
enable_language(CUDA)
# A plan is compiled here once more, by nvcc, which then sees its kernels.
file(GLOB CORMACK_PLANS CONFIGURE_DEPENDS cpp/*/*.plan.cpp)
set(CORMACK_CUDA_SOURCES cpp/cuda/device.cu cpp/cuda/run.cu)
foreach(plan IN LISTS CORMACK_PLANS)
  cmake_path(GET plan STEM name)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/cuda/${name}.cu)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${plan}\"\n")
  list(APPEND CORMACK_CUDA_SOURCES ${source})
endforeach()
pybind11_add_module(_cormack_cuda MODULE NO_EXTRAS ${CORMACK_CUDA_SOURCES} cpp/cuda/operations.cpp cpp/cuda/module.cpp)
cormack_strip(_cormack_cuda)
target_include_directories(_cormack_cuda PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/cpp)
target_compile_features(_cormack_cuda PRIVATE cuda_std_20)
# --fmad=false: equal bits on the CPU and the GPU. -ftz=true is what CuPy adds when it compiles the same kernels.
target_compile_options(_cormack_cuda PRIVATE
  $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false --compress-mode=size $<$<BOOL:${CORMACK_CUDA_GATE}>:-Xptxas=-v,--warn-on-spills,--warn-on-local-memory-usage,-Werror>>)
cormack_warnings(_cormack_cuda)
# Static runtime: the module imports on a machine without a driver.
set_target_properties(_cormack_cuda PROPERTIES CUDA_RUNTIME_LIBRARY Static)
install(TARGETS _cormack_cuda DESTINATION cormack COMPONENT python)
