// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/document.hpp>
#include <lares/plugin/config.hpp>

#include <nlohmann/json_fwd.hpp>

#include <expected>
#include <string>
#include <string_view>

namespace lares::config {

/// Reads a node as its declaration says: scalars, lists of strings, and Any. Null is for the caller to decide
/// about.
///
/// **Errors**: what was expected and what was found; a secret's text is not repeated.
[[nodiscard]] std::expected<nlohmann::json, std::string> read_value(const ConfigKey& key, const Node& node);

/// What a key takes, for messages and documentation: "an integer from 0 to 65535".
[[nodiscard]] std::string describe_type(const ConfigKey& key);

/// What stands in the file, for messages: "\"http\"", "a list".
[[nodiscard]] std::string describe_found(const Node& node, bool secret);

/// Whether null is a value of this key, rather than its default by another name.
[[nodiscard]] bool accepts_null(const ConfigKey& key);

/// The default as a node. **Errors**: std::logic_error when it is not YAML.
[[nodiscard]] Node default_node(const ConfigKey& key);

}  // namespace lares::config
