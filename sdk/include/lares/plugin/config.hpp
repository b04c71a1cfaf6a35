// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lares {

enum class ConfigType {
  Bool,
  Integer,
  Number,
  String,
  Duration,  ///< "5m", "1h", or milliseconds as a bare number
  Size,      ///< "50M", "1K", or bytes as a bare number
  Strings,   ///< a list of strings; one string is read as a list of one
  List,      ///< a list whose entries `schema` describes, key by key under "name[]."
  Map,       ///< a mapping with keys of the administrator's choice
  Object,    ///< a mapping with declared keys; declared itself only to give it a meaning and a default
  Any,       ///< several types are accepted; the plugin checks, and says what it expected
};

enum class Reload { Restart, Live };

/// One configuration key, declared by the plugin that reads it. The checker, `laresctl config explain`, the
/// generated reference and SIGHUP all work from these.
struct ConfigKey {
  std::string path;  ///< dotted: "database.args.cp_max", "listeners[].port", "rc_message.per_second"
  ConfigType type = ConfigType::String;
  std::string default_value;  ///< as YAML: "true", "5m", "[]", "null"; empty means the key is required
  std::string meaning;        ///< one sentence for an administrator
  Reload reload = Reload::Restart;
  bool secret = false;  ///< never printed by `config explain` or a log; may also be read from KEY_path or the
                        ///< environment
  std::vector<std::string> allowed = {};  ///< for strings: the closed set of values, if it is one
  std::int64_t minimum = INT64_MIN;       ///< of numbers, milliseconds, bytes
  std::int64_t maximum = INT64_MAX;
  std::vector<std::string> aliases = {};  ///< older names that are still read, with a warning
};

/// One immutable, validated configuration with all defaults filled in. A reload makes a new one.
///
/// **Threads**: any; nothing changes after construction.
/// **Errors**: asking for a path that nobody declared, or with another type than declared, is a bug and
/// throws std::logic_error; what an administrator can get wrong was refused before.
class LARES_EXPORT Config {
 public:
  virtual ~Config();

  [[nodiscard]] virtual const nlohmann::json& get(std::string_view path) const = 0;
  /// True if a file or the environment gave the key, false if the default stands.
  [[nodiscard]] virtual bool is_set(std::string_view path) const = 0;
  /// Where the value came from, for messages: "/etc/lares/homeserver.yaml:12", or "default".
  [[nodiscard]] virtual std::string origin(std::string_view path) const = 0;

  [[nodiscard]] bool boolean(std::string_view path) const;
  [[nodiscard]] std::int64_t integer(std::string_view path) const;
  [[nodiscard]] double number(std::string_view path) const;
  [[nodiscard]] std::string string(std::string_view path) const;  ///< null reads as ""
  [[nodiscard]] std::vector<std::string> strings(std::string_view path) const;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view path) const;
  [[nodiscard]] std::uint64_t size(std::string_view path) const;  ///< bytes
};

using ConfigPtr = std::shared_ptr<const Config>;

}  // namespace lares
