// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lares::sim {

/// What a run was, and what was wrong with it.
struct Outcome {
  std::vector<std::string> faults;
  std::size_t rows = 0;
  std::size_t acknowledged = 0;
  std::size_t reads = 0;
  std::size_t kills = 0;
  std::size_t reshardings = 0;
  std::size_t losses = 0;
  std::uint64_t trace = 0;  ///< the same for two runs that went the same way
};

/// Several processes of one server write and are read, lose messages, crash and take over from each other, as
/// the seed says.
[[nodiscard]] Outcome simulate(std::uint64_t seed);

}  // namespace lares::sim
