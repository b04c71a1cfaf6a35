// SPDX-License-Identifier: Apache-2.0
#include <host/heap.hpp>

#include <malloc.h>

#include <cstdlib>
#include <initializer_list>

namespace lares::host {

namespace {

// Larger than a page of messages, so that usual answers cost no call of the system.
constexpr int kLargeBytes = 512 * 1024;

}  // namespace

void give_large_blocks_back() {
  for (const char* variable : {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"}) {
    if (std::getenv(variable) != nullptr) {
      return;
    }
  }
  // Where nobody sets them, both grow with the largest block that was ever freed, up to 32 MB and its double,
  // and each of a dozen arenas, one for a thread, keeps that much.
  ::mallopt(M_MMAP_THRESHOLD, kLargeBytes);
  ::mallopt(M_TRIM_THRESHOLD, kLargeBytes);
}

}  // namespace lares::host
