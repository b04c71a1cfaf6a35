// SPDX-License-Identifier: Apache-2.0
#include "seeds.hpp"

#include <lares/base/log.hpp>

#include <gtest/gtest.h>

#include <charconv>
#include <cstdio>
#include <string_view>

namespace lares::sim {

namespace {

std::uint64_t g_first = 1;
std::uint64_t g_count = 0;  // what the command line asks for
constexpr std::size_t kLeastWritten = 50;

}  // namespace

void run_seeds(const std::function<Outcome(std::uint64_t seed)>& simulate, std::uint64_t usual) {
  const std::uint64_t count = g_count == 0 ? usual : g_count;
  std::size_t written = 0;
  for (std::uint64_t seed = g_first; seed < g_first + count; ++seed) {
    const Outcome outcome = simulate(seed);
    written += outcome.written;
    for (const std::string& fault : outcome.faults) {
      ADD_FAILURE() << fault << "\nAgain: --seed " << seed;
    }
    if (count == 1) {
      std::printf(
          "%zu written, %zu acknowledged, %zu reads, %zu processes ended, %zu reshardings, %zu losses, trace "
          "%016llx\n",
          outcome.written, outcome.acknowledged, outcome.reads, outcome.kills, outcome.reshardings,
          outcome.losses, static_cast<unsigned long long>(outcome.trace));
    }
  }
  EXPECT_GT(written, count * kLeastWritten);
}

void expect_replay(const std::function<Outcome(std::uint64_t seed)>& simulate) {
  const Outcome first = simulate(g_first);
  const Outcome again = simulate(g_first);
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
      lares::sim::g_first = number;
      lares::sim::g_count = 1;
    } else if (name == "--seeds") {
      lares::sim::g_count = number;
    }
  }
  return RUN_ALL_TESTS();
}
