// SPDX-License-Identifier: Apache-2.0
#include <host/host.hpp>

#include <gtest/gtest.h>

#include "homeserver_simulation.hpp"
#include "seeds.hpp"

namespace lares::sim {
namespace {

Outcome simulate(std::uint64_t seed) {
  static const host::Host host{{}};
  return simulate_homeserver(host, seed);
}

TEST(Homeserver, ClientsAreToldTheSameByEveryProcessWhateverHappens) {
  run_seeds(simulate, 8);
}

TEST(Homeserver, ASeedReplays) {
  expect_replay(simulate);
}

}  // namespace
}  // namespace lares::sim
