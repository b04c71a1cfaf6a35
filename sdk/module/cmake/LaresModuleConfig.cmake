# SPDX-License-Identifier: Apache-2.0
# find_package(LaresModule): the module headers and the function lares_module, as installed.
include(${CMAKE_CURRENT_LIST_DIR}/LaresModule.cmake)
