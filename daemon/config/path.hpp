// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::config {

/// One step of a declared path: a name of lower-case letters, digits and underscores, "*" for any name of a
/// map, and "[]" behind it for the entries of a list.
struct Segment {
  std::string name;
  bool entries = false;
};

/// "listeners[].port" in two segments; nothing when the text is no path.
[[nodiscard]] std::optional<std::vector<Segment>> parse_path(std::string_view path);

/// Whether a path names one value: no "[]" and no "*" in it.
[[nodiscard]] bool is_static_path(std::string_view path);

/// Everything before the last dot, "" without one.
[[nodiscard]] std::string_view parent_path(std::string_view path);
/// What follows the last dot.
[[nodiscard]] std::string_view last_name(std::string_view path);
/// "a" and "b" to "a.b"; "" and "b" to "b".
[[nodiscard]] std::string join_path(std::string_view parent, std::string_view name);

/// The environment variable of a path: "database.args.password" is LARES_DATABASE__ARGS__PASSWORD.
[[nodiscard]] std::string environment_name(std::string_view path);

}  // namespace lares::config
