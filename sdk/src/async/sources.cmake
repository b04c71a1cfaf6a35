# SPDX-License-Identifier: Apache-2.0
target_sources(lares PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/actor.cpp
  ${CMAKE_CURRENT_LIST_DIR}/asio.cpp
  ${CMAKE_CURRENT_LIST_DIR}/background.cpp
  ${CMAKE_CURRENT_LIST_DIR}/blocking_pool.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cache.cpp
  ${CMAKE_CURRENT_LIST_DIR}/child_flows.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cpu_clock.cpp
  ${CMAKE_CURRENT_LIST_DIR}/event.cpp
  ${CMAKE_CURRENT_LIST_DIR}/flow.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log_context.cpp
  ${CMAKE_CURRENT_LIST_DIR}/loop.cpp
  ${CMAKE_CURRENT_LIST_DIR}/loop_driver.cpp
  ${CMAKE_CURRENT_LIST_DIR}/measure.cpp
  ${CMAKE_CURRENT_LIST_DIR}/random_bytes.cpp
  ${CMAKE_CURRENT_LIST_DIR}/real_runtime.cpp
  ${CMAKE_CURRENT_LIST_DIR}/resolve.cpp
  ${CMAKE_CURRENT_LIST_DIR}/runtime.cpp
  ${CMAKE_CURRENT_LIST_DIR}/task_group.cpp
  ${CMAKE_CURRENT_LIST_DIR}/thread_pool.cpp
  ${CMAKE_CURRENT_LIST_DIR}/timer_queue.cpp
  ${CMAKE_CURRENT_LIST_DIR}/waiter.cpp)
# Asio's and Beast's own code is what every other library of the process links to.
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/asio.cpp PROPERTIES
  COMPILE_OPTIONS "-fvisibility=default;-fno-visibility-inlines-hidden;-w")
