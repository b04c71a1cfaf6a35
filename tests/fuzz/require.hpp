// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

/// What a fuzz target demands of the code under it; what does not hold ends the process, which the fuzzer
/// reports with the input.
inline void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}
