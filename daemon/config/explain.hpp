// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/key_set.hpp>
#include <config/loaded_config.hpp>

#include <expected>
#include <string>
#include <string_view>

namespace lares::config {

/// What `laresctl config explain` says about a key: meaning, type, default, when a change counts, who reads
/// it, and with a configuration the value in force and where it is from. Secrets are not shown. For a
/// mapping, its keys are listed.
///
/// **Errors**: a sentence that names the nearest key, when there is none of this name.
[[nodiscard]] std::expected<std::string, std::string> explain(const KeySet& keys, std::string_view path,
                                                              const LoadedConfig* config);

/// The reference documentation in Markdown, a table for each plugin.
[[nodiscard]] std::string reference(const KeySet& keys);

}  // namespace lares::config
