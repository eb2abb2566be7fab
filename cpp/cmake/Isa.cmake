# cormack_add_isa_objects(TARGET sources...): compiles every source once per instruction-set level, with CORMACK_ISA set
# to the level's name, and adds the objects to TARGET. Such sources use raw pointers and no standard containers: a
# std::vector inlined here would leave an AVX-512 copy of it for the whole program to link against.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(CORMACK_ISA_LEVELS v2 v3 v4)
else()
  set(CORMACK_ISA_LEVELS base)
endif()

# Equal bits on every level and every compiler: no fused multiply-add unless the source says so.
function(cormack_exact_floats target)
  if(NOT MSVC)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>)
  endif()
endfunction()

function(cormack_add_isa_objects target)
  set(gnu_v2 -march=x86-64-v2)
  set(gnu_v3 -march=x86-64-v3)
  set(gnu_v4 -march=x86-64-v4 -mprefer-vector-width=512)
  set(msvc_v3 /arch:AVX2)
  set(msvc_v4 /arch:AVX512)
  foreach(level IN LISTS CORMACK_ISA_LEVELS)
    add_library(cormack_isa_${level} OBJECT ${ARGN})
    target_include_directories(cormack_isa_${level} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/cpp)
    target_compile_definitions(cormack_isa_${level} PRIVATE CORMACK_ISA=${level})
    cormack_warnings(cormack_isa_${level})
    cormack_exact_floats(cormack_isa_${level})
    if(MSVC)
      target_compile_options(cormack_isa_${level} PRIVATE ${msvc_${level}})
    else()
      # -O3 also in RelWithDebInfo: at -O2 the loops are not vectorised and the tables mean nothing. -Wno-psabi: vectors
      # are passed between inlined functions only, so their calling convention does not matter.
      target_compile_options(cormack_isa_${level} PRIVATE
        ${gnu_${level}} -fno-math-errno -fno-trapping-math -Wno-psabi $<$<NOT:$<CONFIG:Debug>>:-O3>)
      if(CORMACK_SANITIZE)
        # A network has thousands of arrays with a scope of their own: watching them all takes minutes to compile.
        target_compile_options(cormack_isa_${level} PRIVATE -fno-sanitize-address-use-after-scope)
      endif()
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:cormack_isa_${level}>)
  endforeach()
endfunction()
