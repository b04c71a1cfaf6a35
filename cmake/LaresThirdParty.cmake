# SPDX-License-Identifier: Apache-2.0
# Third-party libraries, each behind one imported target. A dependency is linked by the folder that needs it.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(PQXX REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)

# Asio's and Beast's non-template code lives once, in liblares.so; everyone else only declares it.
add_library(lares_boost INTERFACE)
target_link_libraries(lares_boost INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(lares_boost INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_DYN_LINK BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_DLL_USE_STD_FS)

if(LARES_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(LARES_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
