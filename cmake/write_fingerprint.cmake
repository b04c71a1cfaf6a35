# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT from VERSION, COMPILER, BUILD_TYPE, SANITIZERS and a hash over the HEADERS folder, if it would change.
file(GLOB_RECURSE headers RELATIVE ${HEADERS} ${HEADERS}/*.hpp ${HEADERS}/*.h)
list(SORT headers)
set(hashes "")
foreach(header IN LISTS headers)
  file(SHA256 ${HEADERS}/${header} hash)
  string(APPEND hashes "${header} ${hash}\n")
endforeach()
string(SHA256 hash "${hashes}")
string(SUBSTRING ${hash} 0 16 hash)
string(REPLACE "," "+" SANITIZERS "${SANITIZERS}")

file(CONFIGURE OUTPUT ${OUTPUT}.new @ONLY CONTENT
[[// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/version.hpp>

#include <version>

#define LARES_FINGERPRINT_TEXT_(x) #x
#define LARES_FINGERPRINT_TEXT(x) LARES_FINGERPRINT_TEXT_(x)

#define LARES_VERSION "@VERSION@"
#define LARES_FINGERPRINT                                                              \
  "lares @VERSION@, @COMPILER@, libstdc++ " LARES_FINGERPRINT_TEXT(__GLIBCXX__)        \
  ", Boost " BOOST_LIB_VERSION ", @BUILD_TYPE@, sanitizers @SANITIZERS@, sdk @hash@"
]])
execute_process(COMMAND ${CMAKE_COMMAND} -E copy_if_different ${OUTPUT}.new ${OUTPUT})
file(REMOVE ${OUTPUT}.new)
