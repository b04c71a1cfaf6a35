// SPDX-License-Identifier: Apache-2.0
#include "seeds.hpp"

#include <lares/base/log.hpp>

#include <gtest/gtest.h>

#include <charconv>
#include <cstdio>
#include <string_view>

namespace lares::sim {

Seeds& seeds() {
  static Seeds seeds;
  return seeds;
}

std::size_t run_seeds(const std::function<Outcome(std::uint64_t seed)>& simulate) {
  std::size_t written = 0;
  for (std::uint64_t seed = seeds().first; seed < seeds().first + seeds().count; ++seed) {
    const Outcome outcome = simulate(seed);
    written += outcome.written;
    for (const std::string& fault : outcome.faults) {
      ADD_FAILURE() << fault << "\nAgain: --seed " << seed;
    }
    if (seeds().count == 1) {
      std::printf(
          "%zu written, %zu acknowledged, %zu reads, %zu processes ended, %zu reshardings, %zu losses, trace "
          "%016llx\n",
          outcome.written, outcome.acknowledged, outcome.reads, outcome.kills, outcome.reshardings,
          outcome.losses, static_cast<unsigned long long>(outcome.trace));
    }
  }
  return written;
}

void expect_replay(const std::function<Outcome(std::uint64_t seed)>& simulate) {
  const Outcome first = simulate(seeds().first);
  const Outcome again = simulate(seeds().first);
  EXPECT_EQ(first.trace, again.trace);
  EXPECT_EQ(first.reads, again.reads);
  EXPECT_EQ(first.faults, again.faults);
}

}  // namespace lares::sim

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  // What is injected is logged as what it would be.
  lares::log::set_level("lares", lares::log::Level::kOff);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view value = argv[i + 1];
    std::uint64_t number = 0;
    std::from_chars(value.data(), value.data() + value.size(), number);
    if (name == "--seed") {
      lares::sim::seeds() = {.first = number, .count = 1};
    } else if (name == "--seeds") {
      lares::sim::seeds().count = number;
    }
  }
  return RUN_ALL_TESTS();
}
