# SPDX-License-Identifier: Apache-2.0
# Compiler, warnings, visibility and sanitizers: what every target of the tree is built with.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR
    "g++ below 14 miscompiles coroutines: a temporary built inside a co_await expression can be destroyed twice. "
    "Configure with clang-19: cmake --preset release, or -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(LARES_CCACHE ccache)
if(LARES_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${LARES_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LARES_CCACHE})
endif()

option(LARES_WERROR "Treat warnings as errors" ON)
set(LARES_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

# How much longer everything may take in tests: a sanitizer makes a program several times slower.
set(LARES_PATIENCE 1)
if(LARES_SANITIZE)
  set(LARES_PATIENCE 5)
endif()

# Everything below reaches a target through this interface, so that third-party code is compiled as it comes.
add_library(lares_build_flags INTERFACE)
target_compile_options(lares_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wunused -Wcast-align
  -Wno-unused-parameter -Wno-gnu-statement-expression
  $<$<BOOL:${LARES_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # A coroutine frame that is larger than the allocation it was measured for is a bug we want to see early.
  target_compile_options(lares_build_flags INTERFACE -Wthread-safety -fno-omit-frame-pointer)
endif()
add_link_options(-fuse-ld=lld -Wl,-z,now -Wl,--as-needed)
if(LARES_FUZZ)
  # libFuzzer wants the sanitizers' runtime inside the program, where shared libraries find its symbols when they load.
  add_compile_options(-fsanitize=${LARES_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  string(REPLACE ",fuzzer-no-link" "" LARES_LINK_SANITIZE "${LARES_SANITIZE}")
  add_link_options(-fsanitize=${LARES_LINK_SANITIZE})
else()
  add_link_options(-Wl,-z,defs)
  if(LARES_SANITIZE)
    add_compile_options(-fsanitize=${LARES_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    # The runtime is a shared object so that plugins with -z defs find its symbols and share one copy.
    add_link_options(-fsanitize=${LARES_SANITIZE} -shared-libsan)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libclang_rt.asan-x86_64.so
                    OUTPUT_VARIABLE LARES_RT_FILE OUTPUT_STRIP_TRAILING_WHITESPACE)
    cmake_path(GET LARES_RT_FILE PARENT_PATH LARES_RT_DIR)
    add_link_options(-Wl,-rpath,${LARES_RT_DIR})
  endif()
endif()
