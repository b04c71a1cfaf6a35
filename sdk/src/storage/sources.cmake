# SPDX-License-Identifier: Apache-2.0
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/background_update.cpp
  ${CMAKE_CURRENT_LIST_DIR}/check_schemas.cpp
  ${CMAKE_CURRENT_LIST_DIR}/config_keys.cpp
  ${CMAKE_CURRENT_LIST_DIR}/database.cpp
  ${CMAKE_CURRENT_LIST_DIR}/dialect.cpp
  ${CMAKE_CURRENT_LIST_DIR}/errors.cpp
  ${CMAKE_CURRENT_LIST_DIR}/intern.cpp
  ${CMAKE_CURRENT_LIST_DIR}/migration.cpp
  ${CMAKE_CURRENT_LIST_DIR}/purge.cpp
  ${CMAKE_CURRENT_LIST_DIR}/statement.cpp
  ${CMAKE_CURRENT_LIST_DIR}/storage_schema.cpp
  ${CMAKE_CURRENT_LIST_DIR}/transaction.cpp)
