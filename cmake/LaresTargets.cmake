# SPDX-License-Identifier: Apache-2.0
# One function per kind of target. Source lists are explicit.

# lares_describe_test(NAME LABEL SECONDS): its label, and the seconds it may take in a build without a sanitizer.
function(lares_describe_test name label seconds)
  math(EXPR seconds "${seconds} * ${LARES_PATIENCE}")
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${seconds})
endfunction()

# lares_plugin(NAME typing SOURCES plugin.cpp ... [LINK lib ...] [TESTS a_test.cpp ...])
# An in-tree plugin: the library build/lib/lares/plugins/NAME.so, its unit tests, its load test and its installation.
function(lares_plugin)
  cmake_parse_arguments(P "" "NAME" "SOURCES;LINK;TESTS" ${ARGN})
  set(target lares_plugin_${P_NAME})
  # The sources are compiled once: for the library, and for the unit tests, which see what the library hides.
  add_library(${target}_objects OBJECT ${P_SOURCES})
  target_link_libraries(${target}_objects PUBLIC lares lares_build_flags ${P_LINK})
  add_library(${target} MODULE)
  target_link_libraries(${target} PRIVATE ${target}_objects)
  set_target_properties(${target} PROPERTIES
    PREFIX "" OUTPUT_NAME ${P_NAME}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/lares/plugins
    BUILD_RPATH ${CMAKE_BINARY_DIR}/lib INSTALL_RPATH "$ORIGIN/../..")
  set_property(GLOBAL APPEND PROPERTY LARES_PLUGINS ${P_NAME})
  install(TARGETS ${target} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/lares/plugins)
  if(LARES_BUILD_TESTS)
    add_test(NAME load.${P_NAME} COMMAND laresd --check-plugin $<TARGET_FILE:${target}>)
    lares_describe_test(load.${P_NAME} load 60)
    if(P_TESTS)
      lares_unit_test(NAME plugin_${P_NAME} SOURCES ${P_TESTS} LINK ${target}_objects)
    endif()
  endif()
endfunction()

# lares_unit_test(NAME json SOURCES scanner_test.cpp ... [LINK lib ...] [INCLUDE dir ...])
function(lares_unit_test)
  if(NOT LARES_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(T "" "NAME" "SOURCES;LINK;INCLUDE" ${ARGN})
  set(target unit_${T_NAME})
  add_executable(${target} ${T_SOURCES})
  target_link_libraries(${target} PRIVATE lares lares_build_flags GTest::gtest GTest::gtest_main ${T_LINK})
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/include ${T_INCLUDE})
  target_compile_definitions(${target} PRIVATE LARES_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}")
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
                        BUILD_RPATH ${CMAKE_BINARY_DIR}/lib)
  add_test(NAME unit.${T_NAME} COMMAND ${target})
  lares_describe_test(unit.${T_NAME} unit 120)
endfunction()

# lares_integration_test(NAME clients [COMMAND python3 file.py ...] [SOURCES a.cpp ...] [TIMEOUT s] [LINK lib ...])
# A test that starts real processes. It finds the build in the environment: LARES_BUILD_DIR, LARES_SOURCE_DIR.
function(lares_integration_test)
  if(NOT LARES_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(T "SERIAL" "NAME;TIMEOUT;LABEL" "SOURCES;LINK;COMMAND" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 300)
  endif()
  if(NOT T_LABEL)
    set(T_LABEL integration)
  endif()
  if(T_SOURCES)
    set(target integration_${T_NAME})
    add_executable(${target} ${T_SOURCES})
    target_link_libraries(${target} PRIVATE lares lares_build_flags GTest::gtest GTest::gtest_main ${T_LINK})
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/include)
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests
                          BUILD_RPATH ${CMAKE_BINARY_DIR}/lib)
    set(T_COMMAND $<TARGET_FILE:${target}>)
  endif()
  add_test(NAME ${T_LABEL}.${T_NAME} COMMAND ${T_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  lares_describe_test(${T_LABEL}.${T_NAME} ${T_LABEL} ${T_TIMEOUT})
  set_tests_properties(${T_LABEL}.${T_NAME} PROPERTIES
    ENVIRONMENT "LARES_BUILD_DIR=${CMAKE_BINARY_DIR};LARES_SOURCE_DIR=${CMAKE_SOURCE_DIR};LARES_PATIENCE=${LARES_PATIENCE};\
PYTHONPATH=${CMAKE_SOURCE_DIR}/tests/integration/lib;PYTHONDONTWRITEBYTECODE=1")
  if(T_SERIAL)
    set_tests_properties(${T_LABEL}.${T_NAME} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()

# lares_store_test(NAME uia SOURCES uia_test.cpp LINK lib ... TIMEOUT s)
# An integration test of what a plugin keeps, on both engines: it stands on tests/integration/storage/storage_test.hpp.
function(lares_store_test)
  cmake_parse_arguments(T "" "NAME;TIMEOUT" "SOURCES;LINK" ${ARGN})
  set(suite ${CMAKE_SOURCE_DIR}/tests/integration/storage)
  lares_integration_test(NAME ${T_NAME}
    SOURCES ${T_SOURCES} ${suite}/postgres_server.cpp ${suite}/storage_test.cpp
    LINK ${T_LINK} lares_storage_sqlite lares_storage_postgres
    TIMEOUT ${T_TIMEOUT})
  if(TARGET integration_${T_NAME})
    target_include_directories(integration_${T_NAME} PRIVATE ${suite})
  endif()
endfunction()

# lares_benchmark(NAME json SOURCES json_bench.cpp ... [LINK lib ...])
function(lares_benchmark)
  if(NOT LARES_BUILD_BENCHMARKS)
    return()
  endif()
  cmake_parse_arguments(B "" "NAME" "SOURCES;LINK" ${ARGN})
  add_executable(bench_${B_NAME} ${B_SOURCES})
  target_link_libraries(bench_${B_NAME} PRIVATE lares lares_build_flags benchmark::benchmark ${B_LINK})
  set_target_properties(bench_${B_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench
                        BUILD_RPATH ${CMAKE_BINARY_DIR}/lib)
endfunction()

# lares_fuzz_target(NAME canonical_json SOURCES fuzz.cpp CORPUS dir [LINK lib ...])
# With -DLARES_FUZZ=ON a libFuzzer program; otherwise a program that runs each file of the corpus once, as a test.
function(lares_fuzz_target)
  cmake_parse_arguments(F "" "NAME;CORPUS" "SOURCES;LINK" ${ARGN})
  if(NOT LARES_BUILD_TESTS)
    return()
  endif()
  add_executable(fuzz_${F_NAME} ${F_SOURCES})
  target_link_libraries(fuzz_${F_NAME} PRIVATE lares lares_build_flags ${F_LINK})
  set_target_properties(fuzz_${F_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz
                        BUILD_RPATH ${CMAKE_BINARY_DIR}/lib)
  if(LARES_FUZZ)
    target_link_options(fuzz_${F_NAME} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${F_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus_main.cpp)
  endif()
  add_test(NAME fuzz.${F_NAME} COMMAND fuzz_${F_NAME} ${CMAKE_CURRENT_SOURCE_DIR}/${F_CORPUS})
  lares_describe_test(fuzz.${F_NAME} fuzz 120)
endfunction()
