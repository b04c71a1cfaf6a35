// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "world.hpp"

namespace lares::host {
class Host;
}

namespace lares::sim {

/// Clients of a server of several processes join and leave rooms, send, redact, type, say who they are, log
/// in and out and sync, each through any process, while these lose messages, crash and take over from each
/// other, as the seed says. Judged is what the clients were told, and what the processes say at the end.
[[nodiscard]] Outcome simulate_homeserver(const host::Host& host, std::uint64_t seed);

}  // namespace lares::sim
