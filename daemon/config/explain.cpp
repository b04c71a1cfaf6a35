// SPDX-License-Identifier: Apache-2.0
#include <config/explain.hpp>

#include <config/path.hpp>
#include <config/scalars.hpp>
#include <config/spelling.hpp>
#include <config/synapse_keys.hpp>
#include <config/value_reader.hpp>

#include <lares/base/strings.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace lares::config {

namespace {

using nlohmann::json;

constexpr std::string_view kHidden = "(set, not shown)";

/// What a free map may hold under such a name is nobody else's business.
bool sounds_secret(std::string_view name) {
  constexpr std::array<std::string_view, 10> kWords = {"secret",     "pass", "pwd",     "token", "key",
                                                       "credential", "auth", "private", "salt",  "pepper"};
  const std::string lower = to_lower_ascii(name);
  return std::ranges::any_of(kWords, [&](std::string_view word) { return lower.contains(word); });
}

/// Whether a text has a password in it, as URLs and connection strings may, whatever the name it stands
/// under.
bool holds_password(const json& value) {
  if (!value.is_string()) {
    return false;
  }
  const std::string text = to_lower_ascii(value.get_ref<const std::string&>());
  const auto scheme = text.find("://");
  return text.contains("password=") || (scheme != std::string::npos && text.find('@', scheme) != text.npos);
}

/// A copy without secrets. What nobody declared is `hidden` with the map or list that it is in.
json masked(const KeySet& keys, const json& value, const std::string& path, bool hidden) {
  if (const DeclaredKey* declared = keys.covering(path)) {
    hidden = declared->key.secret;
  }
  if (!value.is_null() && !value.is_structured() && (hidden || holds_password(value))) {
    return kHidden;
  }
  json result = value;
  if (value.is_object()) {
    for (auto& [name, child] : result.items()) {
      child = masked(keys, child, join_path(path, name), hidden || sounds_secret(name));
    }
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = masked(keys, result[i], fmt::format("{}[{}]", path, i), hidden);
    }
  }
  return result;
}

std::string format_value(const KeySet& keys, const json& value, const std::string& path) {
  const DeclaredKey* declared = keys.covering(path);
  if (declared != nullptr && declared->key.secret) {
    return value.is_null() ? "not set" : std::string(kHidden);
  }
  if (value.is_null()) {
    return "not set";
  }
  if (declared != nullptr && value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (declared->key.type == ConfigType::Duration) {
      return format_duration(number);
    }
    if (declared->key.type == ConfigType::Size) {
      return format_size(number);
    }
  }
  const json shown = masked(keys, value, path, declared == nullptr && sounds_secret(last_name(path)));
  return shown.is_string() ? shown.get<std::string>() : shown.dump();
}

/// The value at a concrete path, or null.
const json* value_at(const LoadedConfig& config, std::string_view path) {
  if (const json* value = config.find(path)) {
    return value;
  }
  const json* value = &config.root();
  while (!path.empty()) {
    const auto end = path.find_first_of(".[");
    const std::string_view name = path.substr(0, end);
    if (!name.empty()) {
      const auto found = value->is_object() ? value->find(name) : value->end();
      if (!value->is_object() || found == value->end()) {
        return nullptr;
      }
      value = &*found;
    }
    path.remove_prefix(end == std::string_view::npos ? path.size() : end);
    if (path.starts_with('[')) {
      const auto close = path.find(']');
      const auto index = read_integer(path.substr(1, close == std::string_view::npos ? 0 : close - 1));
      if (!index || *index < 0 || !value->is_array() || static_cast<std::size_t>(*index) >= value->size()) {
        return nullptr;
      }
      value = &(*value)[static_cast<std::size_t>(*index)];
      path.remove_prefix(close + 1);
    }
    if (path.starts_with('.')) {
      path.remove_prefix(1);
    }
  }
  return value;
}

std::string default_text(const ConfigKey& key) {
  if (key.type == ConfigType::Object) {
    return "that of its keys";
  }
  if (key.default_value.empty()) {
    return "none: it is required";
  }
  return key.default_value == "null" ? "not set" : key.default_value;
}

/// Entries of a list and values of a map change with the whole, as the whole's declaration says.
Reload reload_of(const KeySet& keys, const ConfigKey& key) {
  const std::string_view path = key.path;
  const auto* whole = keys.find(path.substr(0, std::min(path.find("[]"), path.find(".*"))));
  return whole == nullptr ? key.reload : whole->key.reload;
}

std::string_view reload_text(Reload reload) {
  return reload == Reload::Live ? "counts after a reload (SIGHUP)" : "needs a restart";
}

/// The paths below one, without those below them.
std::vector<std::string> keys_below(const KeySet& keys, std::string_view path) {
  std::vector<std::string> below;
  for (const auto& [declared, unused] : keys.all()) {
    const bool inside = declared.size() > path.size() && declared.starts_with(path) &&
                        (declared[path.size()] == '.' || declared[path.size()] == '[');
    if (inside) {
      below.push_back(declared);
    }
  }
  return below;
}

void add_line(std::string& text, std::string_view label, std::string_view content) {
  text += fmt::format("  {:<10}{}\n", label, content);
}

void add_declaration(std::string& text, const KeySet& keys, const DeclaredKey& declared,
                     std::string_view path) {
  const ConfigKey& key = declared.key;
  add_line(text, "type", describe_type(key));
  add_line(text, "default", default_text(key));
  add_line(text, "change", reload_text(reload_of(keys, key)));
  add_line(text, "read by", fmt::format("{}", fmt::join(declared.plugins, ", ")));
  if (!key.aliases.empty()) {
    add_line(text, "older name", fmt::format("{}", fmt::join(key.aliases, ", ")));
  }
  if (is_static_path(path) && key.type != ConfigType::Object) {
    add_line(text, "variable", environment_name(key.path));
  }
  if (key.secret) {
    add_line(text, "file", fmt::format("{}_path may name a file that holds it", key.path));
  }
}

/// The secret that a KEY_path of this name would be read for, or null.
const DeclaredKey* secret_of_path(const KeySet& keys, std::string_view path) {
  constexpr std::string_view kSuffix = "_path";
  if (!path.ends_with(kSuffix) || keys.find(path) != nullptr) {
    return nullptr;
  }
  const auto* secret = keys.find(path.substr(0, path.size() - kSuffix.size()));
  return secret != nullptr && secret->key.secret ? secret : nullptr;
}

std::string explain_secret_path(const DeclaredKey& secret, std::string_view path) {
  std::string text = fmt::format("{}\n  File that holds {}, in place of that key: {}\n\n", path,
                                 secret.key.path, secret.key.meaning);
  add_line(text, "type", "a text");
  add_line(text, "default", "not set");
  add_line(text, "change", reload_text(secret.key.reload));
  add_line(text, "read by", fmt::format("{}", fmt::join(secret.plugins, ", ")));
  if (is_static_path(path)) {
    add_line(text, "variable", environment_name(path));
  }
  return text;
}

/// What there is to say about a path that nobody declares, "" when it is of no key at all.
std::string explain_undeclared(const KeySet& keys, std::string_view path) {
  if (const auto* secret = secret_of_path(keys, path)) {
    return explain_secret_path(*secret, path);
  }
  for (const auto& [known, declared] : keys.all()) {
    if (std::ranges::find(declared.key.aliases, path) != declared.key.aliases.end()) {
      return fmt::format("{}\n  The older name of {}: {}\n", path, known, declared.key.meaning);
    }
  }
  if (const auto remedy = remedy_for_removed(path); !remedy.empty()) {
    return fmt::format("{}\n  Refused: {}\n", path, remedy);
  }
  return known_to_synapse(path) ? fmt::format("{}\n  {}\n", path, note_for_ignored(path)) : "";
}

std::string unknown(const KeySet& keys, std::string_view path) {
  std::set<std::string_view> names;
  for (const auto& [known, unused] : keys.all()) {
    for (std::string_view name = known; !name.empty(); name = parent_path(name)) {
      names.insert(name);
    }
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  std::string meant = nearest(path, candidates);
  for (const auto candidate : candidates) {
    if (meant.empty() && last_name(candidate) == last_name(path)) {
      meant = candidate;
    }
  }
  return meant.empty() ? fmt::format("there is no key {}", path)
                       : fmt::format("there is no key {}; did you mean {}?", path, meant);
}

std::string in_table(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, 1, '\\');
  }
  return text;
}

std::string table_type(const ConfigKey& key) {
  std::string text = describe_type(key);
  if (key.secret) {
    text += "; secret";
  }
  return text;
}

std::string table_default(const ConfigKey& key) {
  if (key.type == ConfigType::Object) {
    return "";
  }
  if (key.default_value.empty()) {
    return "required";
  }
  return key.default_value == "null" ? "not set" : "`" + key.default_value + "`";
}

}  // namespace

std::expected<std::string, std::string> explain(const KeySet& keys, std::string_view path,
                                                const LoadedConfig* config) {
  const DeclaredKey* declared = keys.find(path);
  if (declared == nullptr) {
    declared = keys.covering(path);
  }
  const std::string declared_path = declared == nullptr ? std::string(path) : declared->key.path;
  const auto below = keys_below(keys, declared_path);
  if (declared == nullptr && below.empty()) {
    std::string undeclared = explain_undeclared(keys, path);
    return undeclared.empty() ? std::expected<std::string, std::string>(std::unexpect, unknown(keys, path))
                              : std::move(undeclared);
  }
  std::string text(path);
  text += '\n';
  if (declared != nullptr) {
    text += fmt::format("  {}\n\n", declared->key.meaning);
    add_declaration(text, keys, *declared, path);
  }
  const json* value = config == nullptr ? nullptr : value_at(*config, path);
  if (value != nullptr) {
    add_line(text, "value", format_value(keys, *value, std::string(path)));
    add_line(text, "from", config->origin(path));
  }
  if (!below.empty()) {
    text += "\n  Its keys:\n";
    for (const auto& key : below) {
      text += fmt::format("    {}: {}\n", key, keys.find(key)->key.meaning);
    }
  }
  return text;
}

std::string reference(const KeySet& keys) {
  std::map<std::string, std::vector<const ConfigKey*>> by_plugin;
  for (const auto& [path, declared] : keys.all()) {
    by_plugin[fmt::format("{}", fmt::join(declared.plugins, ", "))].push_back(&declared.key);
  }
  std::string text =
      "# Configuration reference\n\n"
      "Every key, by the plugin that reads it. This page is the output of `laresctl config reference`; how "
      "files, folders "
      "and the\nenvironment come together is in [configuration.md](../configuration.md). `[]` stands for the "
      "entries of a "
      "list, `*` for names of your\nchoice. A change of a key marked *live* counts after a reload (SIGHUP), "
      "of any other "
      "after a restart. A secret KEY may also be given as\nKEY_path, the name of a file that holds it.\n";
  for (const auto& [plugins, declared] : by_plugin) {
    text += fmt::format("\n## {}\n\n| key | type | default | change | meaning |\n|---|---|---|---|---|\n",
                        plugins);
    for (const ConfigKey* key : declared) {
      text += fmt::format("| `{}` | {} | {} | {} | {} |\n", key->path, in_table(table_type(*key)),
                          in_table(table_default(*key)),
                          reload_of(keys, *key) == Reload::Live ? "live" : "restart", in_table(key->meaning));
    }
  }
  return text;
}

}  // namespace lares::config
