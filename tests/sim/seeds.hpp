// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "world.hpp"

namespace lares::sim {

/// What the command line asks for: `--seed N`, or `--seeds N` for the first so many.
struct Seeds {
  std::uint64_t first = 1;
  std::uint64_t count = 25;
};

[[nodiscard]] Seeds& seeds();

/// Runs them, and reports what each finds; says of a single one what it did. Gives how much was written.
std::size_t run_seeds(const std::function<Outcome(std::uint64_t seed)>& simulate);
/// Whether a seed goes the same way twice.
void expect_replay(const std::function<Outcome(std::uint64_t seed)>& simulate);

}  // namespace lares::sim
