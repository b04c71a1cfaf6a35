// SPDX-License-Identifier: Apache-2.0
#include "forgetful_vfs.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

#include <unistd.h>

namespace lares::storage::test {
namespace {

std::uint64_t number(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

// Whoever opens a database after this has it on such a disk. LARES_TEST_CUT_AT is the operation with which
// the power goes, LARES_TEST_CUT_SEED what decides how much of what was not synced is forgotten; while the
// file LARES_TEST_FULL_IF is there the disk is full.
__attribute__((constructor)) void put_in_the_disk() {
  // What the server itself starts is to be left alone.
  ::unsetenv("LD_PRELOAD");
  // Never destroyed: the server's last connection closes after static objects are gone.
  static ForgetfulVfs* const disk = new ForgetfulVfs;
  disk->become_default();
  disk->end_process_at_cut(number("LARES_TEST_CUT_SEED"));
  disk->cut_at(number("LARES_TEST_CUT_AT"));
  if (const char* const file = std::getenv("LARES_TEST_FULL_IF")) {
    disk->full_if([path = std::string{file}] { return ::access(path.c_str(), F_OK) == 0; });
  }
}

}  // namespace
}  // namespace lares::storage::test
