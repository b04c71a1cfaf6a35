# SPDX-License-Identifier: Apache-2.0
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/authenticator.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rate_limiter.cpp)
