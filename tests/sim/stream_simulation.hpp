// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "world.hpp"

namespace lares::sim {

/// Several processes write two streams and are read, lose messages, crash and take over from each other, as
/// the seed says.
[[nodiscard]] Outcome simulate_streams(std::uint64_t seed);

}  // namespace lares::sim
