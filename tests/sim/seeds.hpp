// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "world.hpp"

namespace lares::sim {

/// Runs the seed of `--seed N`, the first of `--seeds N`, or as many as are usual, and reports what each
/// finds; says of a single one what it did. A simulation in which little is written shows nothing.
void run_seeds(const std::function<Outcome(std::uint64_t seed)>& simulate, std::uint64_t usual);
/// Whether a seed goes the same way twice.
void expect_replay(const std::function<Outcome(std::uint64_t seed)>& simulate);

}  // namespace lares::sim
