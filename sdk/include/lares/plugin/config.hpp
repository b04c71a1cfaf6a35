// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares {

enum class ConfigType {
  Bool,
  Integer,
  Number,
  String,
  Duration,  ///< "5m", "1h", or milliseconds as a bare number; "infinity" is null. In JSON: milliseconds
  Size,      ///< "50M", "1K", "87KiB" (powers of 1024), or bytes as a bare number. In JSON: bytes
  Strings,   ///< a list of strings; one string is read as a list of one
  List,      ///< a list; keys declared under "name[]." describe the entries, which are mappings then
  Map,  ///< a mapping with names of the administrator's choice; "name.*" or "name.*.key" describe the values
  Object,  ///< a mapping with declared keys; declared itself only to give it a meaning
  Any,     ///< several types are accepted; `check` says which
};

enum class Reload { Restart, Live };

/// One configuration key, declared by the plugin that reads it. The checker, `laresctl config explain`, the
/// generated reference and SIGHUP all work from these.
struct ConfigKey {
  /// Dotted: "database.args.cp_max", "rc_message.per_second"; "listeners[].port" for a key of a list's
  /// entries, "instance_map.*.host" for a key of a map's values.
  std::string path = {};
  ConfigType type = ConfigType::String;
  std::string default_value = {};  ///< as YAML: "true", "5m", "[]", "null"; empty means the key is required
  std::string meaning = {};        ///< one sentence for an administrator
  /// Whether SIGHUP brings a change into force. A List or Map changes as a whole, by its own declaration.
  Reload reload = Reload::Restart;
  bool secret = false;  ///< never printed by `config explain` or a log; may also be read from KEY_path or the
                        ///< environment
  std::vector<std::string> allowed = {};  ///< for strings (and Any): the closed set of values, if it is one
  std::int64_t minimum = INT64_MIN;       ///< of numbers, milliseconds, bytes; of a list, its entries
  std::int64_t maximum = INT64_MAX;
  std::vector<std::string> aliases = {};  ///< older names (whole paths) that are still read, with a warning
  /// An explicit null is a value of its own ("never", "no limit") although the default is another. Keys whose
  /// default is null or infinity are so anyway; elsewhere null in a file means the default.
  bool nullable = false;
  /// For what the fields above cannot say: gives what was expected ("a list of room aliases") where a value
  /// of that type is wrong, else "". Whoever checks a configuration asks it, so that this error is told with
  /// all others. It is not asked about null, and not for List, Map and Object.
  std::string (*check)(const nlohmann::json& value) = nullptr;
};

/// One immutable, validated configuration with all defaults filled in. A reload makes a new one.
///
/// **Threads**: any; nothing changes after construction.
/// **Lifetime**: references returned are valid as long as the configuration. Hold the pointer for one use.
/// **Errors**: asking for a path that nobody declared, or with another type than declared, is a bug and
/// throws std::logic_error; what an administrator can get wrong was refused before.
class LARES_EXPORT Config {
 public:
  Config() = default;
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;
  virtual ~Config();

  /// The value of a declared path, or of a mapping above declared paths; lists, maps and objects with the
  /// defaults of everything declared below them.
  [[nodiscard]] virtual const nlohmann::json& get(std::string_view path) const = 0;
  /// True if a file or the environment gave the key (or one below it), false if the default stands.
  [[nodiscard]] virtual bool is_set(std::string_view path) const = 0;
  /// Where the value came from, for messages: "/etc/lares/homeserver.yaml:12", "environment
  /// LARES_SERVER_NAME", or "default". Entries of lists and maps are named by their place:
  /// "listeners[0].port", "instance_map.main.host".
  [[nodiscard]] virtual std::string origin(std::string_view path) const = 0;

  [[nodiscard]] bool boolean(std::string_view path) const;
  [[nodiscard]] std::int64_t integer(std::string_view path) const;
  [[nodiscard]] double number(std::string_view path) const;
  [[nodiscard]] std::string string(std::string_view path) const;                ///< null reads as ""
  [[nodiscard]] std::vector<std::string> strings(std::string_view path) const;  ///< null reads as empty
  /// Null (or infinity) reads as std::chrono::milliseconds::max(): compare before you add.
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view path) const;
  [[nodiscard]] std::optional<std::chrono::milliseconds> optional_duration(std::string_view path) const;
  [[nodiscard]] std::uint64_t size(std::string_view path) const;  ///< bytes; null reads as UINT64_MAX
};

using ConfigPtr = std::shared_ptr<const Config>;

}  // namespace lares
