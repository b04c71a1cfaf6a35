# SPDX-License-Identifier: Apache-2.0
# lares_module(NAME invite_guard SOURCES invite_guard.cpp ... [LINK lib ...] [FLAGS -flag ...])
# A module: the file NAME.so, which sees the module headers and nothing else of Lares, and exports its descriptor and
# nothing else.
#
# A module with libraries of its own, Asio for one, must not share them with the server by accident: so only the descriptor
# is exported, symbols are bound inside of the file, and none are unique in the process.
set(LARES_MODULE_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})
# Beside the headers in the source tree, in lib/.../cmake/LaresModule once installed.
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/../include/lares/module)
  get_filename_component(LARES_MODULE_INCLUDE_DIR ${CMAKE_CURRENT_LIST_DIR}/../include ABSOLUTE)
else()
  find_path(LARES_MODULE_INCLUDE_DIR lares/module/module.h
            HINTS ${CMAKE_CURRENT_LIST_DIR}/../../../include ${CMAKE_CURRENT_LIST_DIR}/../../../../include REQUIRED)
endif()

function(lares_module)
  cmake_parse_arguments(M "" "NAME" "SOURCES;LINK;FLAGS" ${ARGN})
  set(target lares_module_${M_NAME})
  set(exports ${LARES_MODULE_CMAKE_DIR}/module.map)
  add_library(${target} MODULE ${M_SOURCES})
  target_include_directories(${target} PRIVATE ${LARES_MODULE_INCLUDE_DIR})
  target_compile_features(${target} PRIVATE cxx_std_17)
  target_compile_options(${target} PRIVATE -fvisibility=hidden ${M_FLAGS} $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE -Wl,-Bsymbolic -Wl,-z,defs -Wl,--version-script=${exports})
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${exports})
  target_link_libraries(${target} PRIVATE ${M_LINK})
  set_target_properties(${target} PROPERTIES PREFIX "" OUTPUT_NAME ${M_NAME} POSITION_INDEPENDENT_CODE ON)
endfunction()
