# SPDX-License-Identifier: Apache-2.0
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/auth_rule_numbers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/client_event.cpp
  ${CMAKE_CURRENT_LIST_DIR}/event.cpp
  ${CMAKE_CURRENT_LIST_DIR}/event_auth.cpp
  ${CMAKE_CURRENT_LIST_DIR}/event_build.cpp
  ${CMAKE_CURRENT_LIST_DIR}/event_signatures.cpp
  ${CMAKE_CURRENT_LIST_DIR}/event_source.cpp
  ${CMAKE_CURRENT_LIST_DIR}/filter.cpp
  ${CMAKE_CURRENT_LIST_DIR}/fold_case.cpp
  ${CMAKE_CURRENT_LIST_DIR}/glob.cpp
  ${CMAKE_CURRENT_LIST_DIR}/grammars.cpp
  ${CMAKE_CURRENT_LIST_DIR}/history_visibility.cpp
  ${CMAKE_CURRENT_LIST_DIR}/identifiers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/power_levels.cpp
  ${CMAKE_CURRENT_LIST_DIR}/push_conditions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/push_predefined.cpp
  ${CMAKE_CURRENT_LIST_DIR}/push_rules.cpp
  ${CMAKE_CURRENT_LIST_DIR}/push_ruleset.cpp
  ${CMAKE_CURRENT_LIST_DIR}/redaction.cpp
  ${CMAKE_CURRENT_LIST_DIR}/room_version.cpp
  ${CMAKE_CURRENT_LIST_DIR}/server_acl.cpp
  ${CMAKE_CURRENT_LIST_DIR}/third_party_id.cpp
  ${CMAKE_CURRENT_LIST_DIR}/uris.cpp)
