# SPDX-License-Identifier: Apache-2.0
# The build fingerprint: what a plugin and the host must have in common. It is a header of its own, which only a plugin's
# descriptor and one file of liblares include, and it is rewritten only when it changes, so that a compiler cache and an
# incremental build lose nothing.
set(LARES_GENERATED_INCLUDE ${CMAKE_BINARY_DIR}/generated)
set(lares_fingerprint_header ${LARES_GENERATED_INCLUDE}/lares/plugin/build_fingerprint.h)

if(LARES_SANITIZE)
  set(lares_fingerprint_sanitizers "${LARES_SANITIZE}")
else()
  set(lares_fingerprint_sanitizers "none")
endif()
add_custom_target(lares_fingerprint
  COMMAND ${CMAKE_COMMAND}
    -DHEADERS=${CMAKE_SOURCE_DIR}/sdk/include
    -DOUTPUT=${lares_fingerprint_header}
    -DVERSION=${PROJECT_VERSION}
    "-DCOMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
    -DBUILD_TYPE=${CMAKE_BUILD_TYPE}
    "-DSANITIZERS=${lares_fingerprint_sanitizers}"
    -P ${CMAKE_SOURCE_DIR}/cmake/write_fingerprint.cmake
  BYPRODUCTS ${lares_fingerprint_header}
  COMMENT "" VERBATIM)
