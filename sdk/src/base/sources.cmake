# SPDX-License-Identifier: Apache-2.0
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/bytes.cpp
  ${CMAKE_CURRENT_LIST_DIR}/error.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log_layout.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log_redact.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log_sink.cpp
  ${CMAKE_CURRENT_LIST_DIR}/metrics.cpp
  ${CMAKE_CURRENT_LIST_DIR}/metrics_text.cpp
  ${CMAKE_CURRENT_LIST_DIR}/strings.cpp
  ${CMAKE_CURRENT_LIST_DIR}/time.cpp)
