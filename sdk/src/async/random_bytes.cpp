// SPDX-License-Identifier: Apache-2.0
#include "random_bytes.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace lares {

void system_random_bytes(std::span<std::uint8_t> out) noexcept {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      // A kernel without the call; a server that guesses its keys must not run.
      std::abort();
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace lares
