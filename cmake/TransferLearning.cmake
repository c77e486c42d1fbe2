# Helpers of this house: one function a kind of target, so that each leaf
# CMakeLists.txt says what there is and nothing else.

add_library(tl_options INTERFACE)
target_compile_options(tl_options INTERFACE -Wall -Wextra -Wno-unused-parameter)
if(TL_SANITIZE)
  add_compile_options(-fsanitize=${TL_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TL_SANITIZE})
endif()

# Finds the distribution's MLIR/LLVM/LLD 22 (shared libraries) once, for the
# compiler's folders.
macro(tl_find_mlir)
  find_package(MLIR REQUIRED CONFIG
               HINTS /usr/lib/llvm-22/lib/cmake/mlir)
  find_package(LLD REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/lld)
  list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
  set(MLIR_BINARY_DIR ${CMAKE_BINARY_DIR}) # where add_mlir_doc writes
  include(TableGen)
  include(AddLLVM)
  include(AddMLIR)
  include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  add_definitions(${LLVM_DEFINITIONS})
endmacro()

# tl_library(NAME sources... LINK libs...): a static library of this house.
function(tl_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE tl_options)
endfunction()

# The same for the compiler's side: linked with the shared libMLIR and libLLVM,
# without RTTI-dependent code of ours crossing into them.
function(tl_mlir_library name)
  cmake_parse_arguments(ARG "" "" "LINK;DEPENDS" ${ARGN})
  tl_library(${name} ${ARG_UNPARSED_ARGUMENTS} LINK ${ARG_LINK} MLIR LLVM)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(NOT LLVM_ENABLE_RTTI)
    target_compile_options(${name} PRIVATE -fno-rtti)
  endif()
endfunction()

# tl_unit_test(NAME sources... LINK libs...): a GoogleTest program, run by ctest.
function(tl_unit_test name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest_main tl_options)
  target_compile_definitions(${name} PRIVATE TL_SHARED_DATA="${TL_SHARED_DATA}"
                             TL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
endfunction()
