// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/rule_context.hpp>

#include <string>
#include <string_view>

namespace lares::config {

/// What a `worker_app` means today: "synapse.app.client_reader" is "generic_worker", "" is "homeserver".
/// Nothing changed for a name that no app has.
[[nodiscard]] std::string canonical_app(std::string_view worker_app);

/// The name of an instance as processes use it among each other: "main" is "master".
[[nodiscard]] std::string canonical_instance(std::string_view name);

/// Part of check_process_rules.
void check_worker_rules(RuleContext& rules);

/// Part of complete_process_values.
void complete_worker_values(nlohmann::json& root);

}  // namespace lares::config
