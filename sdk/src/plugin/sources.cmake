# SPDX-License-Identifier: Apache-2.0
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/fingerprint.cpp
  ${CMAKE_CURRENT_LIST_DIR}/interfaces.cpp
  ${CMAKE_CURRENT_LIST_DIR}/plugin.cpp)
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/config.cpp)
  target_sources(lares PRIVATE ${CMAKE_CURRENT_LIST_DIR}/config.cpp)
endif()
target_include_directories(lares PUBLIC ${LARES_GENERATED_INCLUDE})
add_dependencies(lares lares_fingerprint)
