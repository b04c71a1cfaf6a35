// SPDX-License-Identifier: Apache-2.0
#include <config/checker.hpp>

#include <config/path.hpp>
#include <config/scalars.hpp>
#include <config/secret_file.hpp>
#include <config/spelling.hpp>
#include <config/synapse_keys.hpp>
#include <config/value_reader.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

namespace lares::config {

namespace {

using nlohmann::json;

/// A key at the top whose name begins so is nobody's: a place for anchors that other keys refer to.
constexpr std::string_view kAnchorPrefix = "x-";

/// A secret that nobody else has to know beforehand: where its file is not there, the server makes it.
constexpr std::string_view kMadeUp = "registration_shared_secret";

/// An older key that closes what two keys of today open.
constexpr std::string_view kRestriction = "restrict_public_rooms_to_local_users";
constexpr std::array<std::string_view, 2> kRestricted = {"allow_public_rooms_without_auth",
                                                         "allow_public_rooms_over_federation"};

class Checker {
 public:
  Checker(const Sources& sources, const KeySet& keys, Scope scope)
      : sources_(sources), keys_(keys), schema_(make_schema(keys)), scope_(scope) {
    checked_.names = sources.names;
  }

  Checked run() {
    checked_.diagnostics = sources_.diagnostics;
    read_environment();
    move_aliases();
    apply_restriction();
    checked_.root = read_mapping(schema_.root, sources_.root, "");
    return std::move(checked_);
  }

 private:
  /// A value for a key of a mapping: what stands in the file under one of its names, or in a file that
  /// KEY_path names.
  struct Found {
    const Node* node = nullptr;
    std::string secret_file;
  };

  void report(Severity severity, Mark mark, std::string key, std::string message) {
    std::string file = mark.source < 0 ? "" : checked_.names[static_cast<std::size_t>(mark.source)];
    checked_.diagnostics.push_back(
        {severity, std::move(file), mark.line, std::move(key), std::move(message)});
  }
  void error(Mark mark, std::string key, std::string message) {
    report(Severity::Error, mark, std::move(key), std::move(message));
  }
  void warning(Mark mark, std::string key, std::string message) {
    report(Severity::Warning, mark, std::move(key), std::move(message));
  }

  void record(const std::string& path, Mark mark, std::string secret_file = {}) {
    if (mark.source >= 0) {
      checked_.origins.insert_or_assign(path, Origin{mark, std::move(secret_file)});
    }
  }

  // ---- the environment and keys that have moved

  void read_environment() {
    std::set<std::string, std::less<>> known;
    for (const auto& [path, declared] : keys_.all()) {
      if (!is_static_path(path) || declared.key.type == ConfigType::Object) {
        continue;
      }
      read_variable(path, declared.key.type == ConfigType::String, known);
      if (declared.key.secret && keys_.find(path + "_path") == nullptr) {
        read_variable(path + "_path", true, known);
      }
    }
    const std::vector<std::string_view> names(known.begin(), known.end());
    for (const auto& [name, text] : sources_.environment) {
      if (known.contains(name) || scope_ == Scope::DeclaredOnly) {
        continue;
      }
      if (const std::string meant = nearest(name, names); !meant.empty()) {
        checked_.diagnostics.push_back({Severity::Warning, "environment " + name, 0, "",
                                        fmt::format("no key has this variable; did you mean {}?", meant)});
      }
    }
  }

  void read_variable(const std::string& path, bool verbatim, std::set<std::string, std::less<>>& known) {
    std::string name = environment_name(path);
    const auto found = sources_.environment.find(name);
    known.insert(name);
    if (found == sources_.environment.end()) {
      return;
    }
    const std::string place = "environment " + name;
    const Mark mark{static_cast<int>(checked_.names.size()), 0};
    checked_.names.push_back(place);
    Node node;
    if (!verbatim) {
      auto parsed = parse_document(found->second, mark.source, place, sources_.limits);
      if (!parsed) {
        error(mark, path, parsed.error().message);
        return;
      }
      node = std::move(*parsed);
    } else if (!found->second.empty()) {
      node.kind = Node::Kind::Scalar;
      node.quoted = true;
      node.text = found->second;
    }
    node.mark = mark;
    overrides_.emplace(path, std::move(node));
  }

  void move_aliases() {
    for (const auto& [alias, path] : schema_.moved) {
      const Node* node = find_static(alias);
      if (node == nullptr) {
        continue;
      }
      if (find_static(path) != nullptr) {
        error(node->mark, alias,
              fmt::format("is the older name of {}, which is given too; remove this one", path));
        continue;
      }
      warning(node->mark, alias, fmt::format("is the older name of {}; it still works", path));
      overrides_.emplace(path, *node);
    }
  }

  void apply_restriction() {
    const Node* node = scope_ == Scope::Everything ? find_static(kRestriction) : nullptr;
    if (node == nullptr) {
      return;
    }
    const auto restricted = node->quoted ? std::nullopt : read_bool(node->text);
    if (!restricted) {
      error(node->mark, std::string(kRestriction),
            fmt::format("expected true or false, found {}", describe_found(*node, false)));
      return;
    }
    warning(node->mark, std::string(kRestriction),
            fmt::format("is an older key; {} and {} have taken its place, and are false by default",
                        kRestricted[0], kRestricted[1]));
    for (const auto path : kRestricted) {
      if (*restricted && keys_.find(path) != nullptr) {
        Node closed = *node;
        closed.text = "false";
        overrides_.emplace(path, std::move(closed));
      }
    }
  }

  [[nodiscard]] const Node* find_static(std::string_view path) const {
    const Node* node = &sources_.root;
    const auto segments = parse_path(path).value();
    for (const auto& segment : segments) {
      const auto* entry = node->find(segment.name);
      if (entry == nullptr) {
        return nullptr;
      }
      node = &entry->value;
    }
    return node;
  }

  // ---- mappings

  json read_mapping(const SchemaNode& schema, const Node& node, const std::string& path) {
    auto result = json::object();
    std::set<std::string_view> taken;
    for (const auto& [name, child] : schema.names) {
      const Found found = find_entry(schema, child, node, name, path, taken);
      result[name] = read_child(child, found, join_path(path, name), node.mark);
    }
    for (const auto& entry : node.entries) {
      if (taken.contains(entry.key)) {
        continue;
      }
      const std::string entry_path = join_path(path, entry.key);
      if (schema.any) {
        result[entry.key] = read_child(*schema.any, {&entry.value, {}}, entry_path, entry.value.mark);
      } else if (schema.type() == ConfigType::Map) {
        record(entry_path, entry.key_mark);
        result[entry.key] = to_json_recording(entry.value, entry_path);
      } else if (scope_ == Scope::Everything && !schema_.moved.contains(entry_path) &&
                 !(path.empty() && (entry.key.starts_with(kAnchorPrefix) || entry.key == kRestriction))) {
        report_unknown(schema, entry, entry_path);
      }
    }
    return result;
  }

  json to_json_recording(const Node& node, const std::string& path) {
    for (const auto& entry : node.entries) {
      const std::string entry_path = join_path(path, entry.key);
      record(entry_path, entry.key_mark);
    }
    return to_json(node);
  }

  Found find_entry(const SchemaNode& schema, const SchemaNode& child, const Node& node,
                   const std::string& name, const std::string& path, std::set<std::string_view>& taken) {
    const Node::Entry* entry = node.find(name);
    if (entry != nullptr) {
      taken.insert(entry->key);
    }
    for (const auto& [alias, target] : schema.aliases) {
      const Node::Entry* older = target == name ? node.find(alias) : nullptr;
      if (older == nullptr) {
        continue;
      }
      taken.insert(older->key);
      if (entry != nullptr) {
        error(older->key_mark, join_path(path, alias),
              fmt::format("is the older name of {}, which is given too in line {}; remove this one", name,
                          entry->key_mark.line));
        continue;
      }
      warning(older->key_mark, join_path(path, alias),
              fmt::format("is the older name of {}; it still works", name));
      entry = older;
    }
    Found found{entry == nullptr ? nullptr : &entry->value, {}};
    const std::string whole = join_path(path, name);
    if (const auto place = overrides_.find(whole); place != overrides_.end()) {
      found.node = &place->second;
    }
    if (child.declared != nullptr && child.declared->secret && !schema.names.contains(name + "_path")) {
      take_secret_file(node, name, whole, taken, found);
    }
    return found;
  }

  /// KEY_path of a secret KEY: a file that holds it. A variable wins over what files say about either.
  void take_secret_file(const Node& node, const std::string& name, const std::string& whole,
                        std::set<std::string_view>& taken, Found& found) {
    const Node* path_node = nullptr;
    if (const Node::Entry* entry = node.find(name + "_path")) {
      taken.insert(entry->key);
      path_node = &entry->value;
    }
    const bool value_from_environment = overrides_.contains(whole);
    const auto override = overrides_.find(whole + "_path");
    const bool path_from_environment = override != overrides_.end();
    if (path_from_environment) {
      path_node = &override->second;
    }
    if (path_node == nullptr || path_node->kind == Node::Kind::Null) {
      return;
    }
    if (value_from_environment && !path_from_environment) {
      return;
    }
    const bool value_given = found.node != nullptr && found.node->kind != Node::Kind::Null;
    if (value_given && value_from_environment == path_from_environment) {
      error(path_node->mark, whole + "_path", fmt::format("{} is given too; remove one of them", whole));
      return;
    }
    if (path_node->kind != Node::Kind::Scalar) {
      error(path_node->mark, whole + "_path",
            fmt::format("expected the path of a file, found {}", describe_found(*path_node, false)));
      return;
    }
    if (std::error_code error;
        whole == kMadeUp && !std::filesystem::exists(path_node->text, error) && !error) {
      checked_.absent_secrets.push_back(path_node->text);
      return;
    }
    auto content = read_secret_file(path_node->text);
    if (!content) {
      error(path_node->mark, whole + "_path", content.error());
      return;
    }
    while (!content->empty() && std::string_view(" \t\r\n").contains(content->back())) {
      content->pop_back();
    }
    if (content->empty()) {
      error(path_node->mark, whole + "_path", fmt::format("the file {} is empty", path_node->text));
      return;
    }
    Node secret;
    secret.kind = Node::Kind::Scalar;
    secret.quoted = true;
    secret.mark = path_node->mark;
    secret.text = std::move(*content);
    found.secret_file = path_node->text;
    found.node = &overrides_.insert_or_assign(whole, std::move(secret)).first->second;
  }

  // ---- values

  json read_child(const SchemaNode& child, const Found& found, const std::string& path, Mark around) {
    const bool absent = found.node == nullptr || found.node->kind == Node::Kind::Null;
    if (child.type() == ConfigType::Object) {
      return read_object(child, absent ? nullptr : found.node, path);
    }
    const ConfigKey& key = *child.declared;
    if (found.node != nullptr && absent && accepts_null(key)) {
      record(path, found.node->mark);
      return nullptr;
    }
    if (!absent) {
      record(path, found.node->mark, found.secret_file);
      if (key.secret && found.secret_file.empty()) {
        check_inline_secret(*found.node, path);
      }
      return read_declared(child, *found.node, path);
    }
    if (key.default_value.empty()) {
      if (sources_.complete) {
        error(around, path, fmt::format("is required and missing: {}", key.meaning));
      }
      return nullptr;
    }
    const Node node = default_node(key);
    return node.kind == Node::Kind::Null ? json(nullptr) : read_declared(child, node, path);
  }

  json read_object(const SchemaNode& schema, const Node* node, const std::string& path) {
    Node empty;
    empty.kind = Node::Kind::Mapping;
    if (node == nullptr) {
      return read_mapping(schema, empty, path);
    }
    record(path, node->mark);
    if (node->kind != Node::Kind::Mapping) {
      error(node->mark, path, fmt::format("expected a mapping, found {}", describe_instead(schema, *node)));
      return read_mapping(schema, empty, path);
    }
    return read_mapping(schema, *node, path);
  }

  json read_declared(const SchemaNode& schema, const Node& node, const std::string& path) {
    const ConfigKey& key = *schema.declared;
    if (key.type == ConfigType::List) {
      return read_list(schema, node, path);
    }
    if (key.type == ConfigType::Map) {
      if (node.kind == Node::Kind::Mapping) {
        return read_mapping(schema, node, path);
      }
      error(node.mark, path, fmt::format("expected a mapping, found {}", describe_instead(schema, node)));
      return json::object();
    }
    auto value = read_value(key, node);
    if (!value) {
      error(node.mark, path, value.error());
      return nullptr;
    }
    return std::move(*value);
  }

  json read_list(const SchemaNode& schema, const Node& node, const std::string& path) {
    const ConfigKey& key = *schema.declared;
    auto list = json::array();
    if (node.kind != Node::Kind::Sequence) {
      error(node.mark, path,
            fmt::format("expected a list (\"- ...\"), found {}", describe_instead(schema, node)));
      return list;
    }
    const auto count = static_cast<std::int64_t>(node.items.size());
    if (count < key.minimum || count > key.maximum) {
      error(node.mark, path,
            fmt::format("holds {} entries, which is too {}", count, count < key.minimum ? "few" : "many"));
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const Node& item = node.items[i];
      const std::string item_path = fmt::format("{}[{}]", path, i);
      record(item_path, item.mark);
      list.push_back(schema.entries ? read_object(*schema.entries, &item, item_path) : to_json(item));
    }
    return list;
  }

  // ---- messages

  /// Whether something below may be a secret; of a map whose keys nobody declared, nobody knows.
  static bool may_hold_secret(const SchemaNode& schema) {
    if (schema.declared != nullptr && schema.declared->secret) {
      return true;
    }
    if (schema.type() == ConfigType::Map && !schema.any && schema.names.empty()) {
      return true;
    }
    return (schema.any && may_hold_secret(*schema.any)) ||
           (schema.entries && may_hold_secret(*schema.entries)) ||
           std::ranges::any_of(schema.names, [](const auto& child) { return may_hold_secret(child.second); });
  }

  /// What stands where a mapping or a list belongs: an URL with its password, perhaps.
  static std::string describe_instead(const SchemaNode& schema, const Node& node) {
    return node.kind == Node::Kind::Scalar && may_hold_secret(schema)
               ? "a text, which may be a secret and is not shown"
               : describe_found(node, false);
  }

  void report_unknown(const SchemaNode& schema, const Node::Entry& entry, const std::string& path) {
    // Behind a forgotten colon may stand a secret: only the name is said.
    if (const auto end = entry.key.find_first_of(" \t\n=:"); end != std::string::npos) {
      const std::string name = entry.key.substr(0, end);
      const std::string meant = schema.names.contains(name) ? name : guess(schema, name);
      const bool colon = entry.key[end] == ':';
      const std::string_view missing = colon ? "space" : "colon";
      const std::string_view before = colon ? "colon" : "name";
      error(entry.key_mark, path.substr(0, path.size() - entry.key.size() + end),
            meant.empty()
                ? fmt::format("unknown key, without a {} behind its {}", missing, before)
                : fmt::format("there is no {} behind the {}; write `{}: VALUE`", missing, before, meant));
      return;
    }
    const std::string generic = join_path(schema.path, entry.key);
    if (const auto remedy = remedy_for_removed(generic); !remedy.empty()) {
      error(entry.key_mark, path, std::string(remedy));
      return;
    }
    if (known_to_synapse(generic)) {
      warning(entry.key_mark, path, std::string(note_for_ignored(generic)));
      return;
    }
    const std::string meant = guess(schema, entry.key);
    error(entry.key_mark, path,
          meant.empty() ? "unknown key" : fmt::format("unknown key; did you mean {}?", meant));
  }

  [[nodiscard]] std::string guess(const SchemaNode& schema, std::string_view name) const {
    std::vector<std::string_view> here;
    for (const auto& [known, child] : schema.names) {
      here.push_back(known);
    }
    if (std::string meant = nearest(name, here); !meant.empty()) {
      return meant;
    }
    for (const auto& [known, declared] : keys_.all()) {
      if (last_name(known) == name) {
        return known;
      }
    }
    return nearest(name, synapse_names_below(schema.path));
  }

  void check_inline_secret(const Node& node, const std::string& path) {
    const auto source = static_cast<std::size_t>(node.mark.source);
    if (!sources_.inline_secrets && node.mark.source >= 0 && source < sources_.names.size()) {
      error(node.mark, path,
            fmt::format(
                "is a secret, and with --no-secrets-in-config no file of the configuration holds any: put it "
                "into a file of its own and name that with {}_path",
                path));
      return;
    }
    if (node.mark.source < 0 || source >= sources_.world_readable.size() ||
        !sources_.world_readable[source] || !warned_about_.insert(source).second) {
      return;
    }
    warning(node.mark, path,
            fmt::format("is a secret, and anyone on this machine can read the file: chmod o= {}, or put the "
                        "secret into a "
                        "file of its own and name it with {}_path",
                        sources_.names[source], last_name(path)));
  }

  const Sources& sources_;
  const KeySet& keys_;
  const Schema schema_;
  const Scope scope_;
  Checked checked_;
  std::map<std::string, Node, std::less<>> overrides_;
  std::set<std::size_t> warned_about_;
};

}  // namespace

Checked check_values(const Sources& sources, const KeySet& keys, Scope scope) {
  return Checker(sources, keys, scope).run();
}

}  // namespace lares::config
