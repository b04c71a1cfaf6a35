# SPDX-License-Identifier: Apache-2.0
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/account_data.cpp
  ${CMAKE_CURRENT_LIST_DIR}/app.cpp
  ${CMAKE_CURRENT_LIST_DIR}/authenticator.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cache_stream.cpp
  ${CMAKE_CURRENT_LIST_DIR}/capabilities.cpp
  ${CMAKE_CURRENT_LIST_DIR}/catch_up.cpp
  ${CMAKE_CURRENT_LIST_DIR}/data_care.cpp
  ${CMAKE_CURRENT_LIST_DIR}/device_lists.cpp
  ${CMAKE_CURRENT_LIST_DIR}/devices.cpp
  ${CMAKE_CURRENT_LIST_DIR}/erased_users.cpp
  ${CMAKE_CURRENT_LIST_DIR}/events.cpp
  ${CMAKE_CURRENT_LIST_DIR}/interactive_auth.cpp
  ${CMAKE_CURRENT_LIST_DIR}/newcomers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/presence.cpp
  ${CMAKE_CURRENT_LIST_DIR}/profiles.cpp
  ${CMAKE_CURRENT_LIST_DIR}/push_rules.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rate_limiter.cpp
  ${CMAKE_CURRENT_LIST_DIR}/receipts.cpp
  ${CMAKE_CURRENT_LIST_DIR}/relations.cpp
  ${CMAKE_CURRENT_LIST_DIR}/room_directory.cpp
  ${CMAKE_CURRENT_LIST_DIR}/room_settings.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rooms.cpp
  ${CMAKE_CURRENT_LIST_DIR}/server_keys.cpp
  ${CMAKE_CURRENT_LIST_DIR}/spam_checker.cpp
  ${CMAKE_CURRENT_LIST_DIR}/start_check.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sync.cpp)
