option(CORMACK_WERROR "Treat warnings as errors (on in the presets, off for users' compilers)" OFF)

function(cormack_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:/W4>)
  else()
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wnon-virtual-dtor>)
    if(CORMACK_WERROR)
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
    endif()
  endif()
endfunction()

# What users get carries no symbols beyond the exported ones.
function(cormack_strip target)
  if(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang" AND NOT APPLE)
    target_link_options(${target} PRIVATE $<$<CONFIG:Release>:-s>)
  endif()
endfunction()

# What who links the library sees of it, built here or installed.
function(cormack_library target)
  string(REPLACE "cormack_shared" "shared" name ${target})
  add_library(cormack::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES OUTPUT_NAME cormack EXPORT_NAME ${name})
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${CMAKE_CURRENT_BINARY_DIR}/include> $<INSTALL_INTERFACE:${CORMACK_INCLUDEDIR}>)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/cpp>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC Threads::Threads)
endfunction()

# The objects serve the static and the shared library, so their symbols are visible; the shared one exports namespace
# cormack and nothing else. No macro marks the functions: where it was forgotten, a user would be the first to know.
function(cormack_visible target)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET default)
  if(NOT MSVC)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-semantic-interposition>)
  endif()
endfunction()

function(cormack_add_shared target static)
  set(objects $<TARGET_OBJECTS:${static}>)
  foreach(level IN LISTS CORMACK_ISA_LEVELS)
    list(APPEND objects $<TARGET_OBJECTS:cormack_isa_${level}>)
  endforeach()
  add_library(${target} SHARED ${objects})
  # Until 1.0 a minor version may change any declaration.
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} WINDOWS_EXPORT_ALL_SYMBOLS ON)
  cormack_strip(${target})
  if(NOT MSVC AND NOT APPLE)
    set(script ${CMAKE_CURRENT_SOURCE_DIR}/cpp/cmake/exports.map)
    target_link_options(${target} PRIVATE -Wl,--version-script=${script} -Wl,--no-undefined)
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${script})
  endif()
endfunction()
