# SPDX-License-Identifier: Apache-2.0
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/command.cpp
  ${CMAKE_CURRENT_LIST_DIR}/feed_board.cpp
  ${CMAKE_CURRENT_LIST_DIR}/interfaces.cpp
  ${CMAKE_CURRENT_LIST_DIR}/peers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/position_board.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stream.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stream_number.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stream_writer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/token.cpp
  ${CMAKE_CURRENT_LIST_DIR}/topology.cpp)
