# SPDX-License-Identifier: Apache-2.0
# State of a room: the map, its resolution, and the index over auth chains.
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/auth_chain.cpp
  ${CMAKE_CURRENT_LIST_DIR}/auth_chain_queries.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_map.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_map_build.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_map_codec.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_map_diff.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_map_node.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_resolution.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_resolution_order.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_resolution_v1.cpp
)
