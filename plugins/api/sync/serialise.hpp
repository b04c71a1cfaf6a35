// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/service/sync.hpp>

#include <string>
#include <string_view>

namespace lares::sync {

/// The body of a sync's answer, by copying what contributors have written.
///
/// `state_section` is the name under which the state of rooms stands.
///
/// spec: Client-Server API, "Syncing", response of GET /sync
[[nodiscard]] std::string serialise(const service::SyncResponse& response, std::string_view next_batch,
                                    std::string_view state_section = "state");

/// The body of an answer without news. `always` are members that stand in every answer, each followed by a
/// comma.
[[nodiscard]] std::string serialise_unchanged(std::string_view always, std::string_view next_batch);

}  // namespace lares::sync
