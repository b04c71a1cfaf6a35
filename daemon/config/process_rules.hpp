// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/checker.hpp>
#include <config/sources.hpp>

namespace lares::config {

/// Rules between the keys that a process reads about itself: listeners, TLS, the server's name, and workers.
/// Adds to the diagnostics. Keys that nobody declared are passed over.
void check_process_rules(Checked& checked, const Sources& sources);

/// Writes derived defaults into values that passed, so that every reader sees the same: the worker's name,
/// "master" where files say "main", a listener's addresses, public_baseurl.
void complete_process_values(nlohmann::json& root);

}  // namespace lares::config
