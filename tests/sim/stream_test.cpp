// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "seeds.hpp"
#include "stream_simulation.hpp"

namespace lares::sim {
namespace {

TEST(Streams, ReadersMissNothingAndSeeNothingTwiceWhateverHappens) {
  run_seeds(simulate_streams, 25);
}

TEST(Streams, ASeedReplays) {
  expect_replay(simulate_streams);
}

}  // namespace
}  // namespace lares::sim
