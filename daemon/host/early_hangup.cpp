// SPDX-License-Identifier: Apache-2.0
#include <host/early_hangup.hpp>

#include <csignal>

namespace lares::host {
namespace {

volatile std::sig_atomic_t came = 0;

}  // namespace

void expect_hangups() noexcept {
  std::signal(SIGHUP, [](int) { came = 1; });
}

bool hangup_came() noexcept {
  return came != 0;
}

}  // namespace lares::host
