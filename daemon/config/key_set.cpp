// SPDX-License-Identifier: Apache-2.0
#include <config/key_set.hpp>

#include <config/path.hpp>
#include <config/value_reader.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <tuple>

namespace lares::config {

namespace {

/// Why a declaration is no good; "" when it is.
std::string fault_of(const ConfigKey& key) {
  const auto segments = parse_path(key.path);
  if (!segments) {
    return "the path is not one (lower-case names with dots, [] and *)";
  }
  if (segments->back().entries) {
    return "the path names the entries of a list; declare the list, and keys below \"name[].\"";
  }
  if (key.meaning.empty()) {
    return "it has no meaning for an administrator";
  }
  for (const auto& alias : key.aliases) {
    const bool sibling = parent_path(alias) == parent_path(key.path);
    if (!parse_path(alias) || (!sibling && !(is_static_path(alias) && is_static_path(key.path)))) {
      return fmt::format("the alias {} is neither a path of one value nor a name beside the key", alias);
    }
  }
  const bool made_of_keys =
      key.type == ConfigType::List || key.type == ConfigType::Map || key.type == ConfigType::Object;
  if (key.check != nullptr && made_of_keys) {
    return "what has keys below it is checked by them";
  }
  if (key.type == ConfigType::Object) {
    return key.default_value.empty() || key.default_value == "{}"
               ? ""
               : "an object's defaults are those of its keys";
  }
  if (key.default_value.empty()) {
    return {};
  }
  const Node node = default_node(key);
  if (node.kind == Node::Kind::Null) {
    return accepts_null(key) ? "" : "its default is empty; write null or a value";
  }
  if (key.type == ConfigType::List || key.type == ConfigType::Map) {
    const auto kind = key.type == ConfigType::List ? Node::Kind::Sequence : Node::Kind::Mapping;
    return node.kind == kind ? "" : "its default is of another type";
  }
  const auto value = read_value(key, node);
  return value ? "" : "its default is refused: " + value.error();
}

bool equal(const ConfigKey& a, const ConfigKey& b) {
  const auto fields = [](const ConfigKey& k) {
    return std::tie(k.type, k.default_value, k.meaning, k.reload, k.secret, k.allowed, k.minimum, k.maximum,
                    k.aliases, k.nullable);
  };
  return fields(a) == fields(b);
}

}  // namespace

void KeySet::add(std::string_view plugin, ConfigKey key) {
  const std::string fault = fault_of(key);
  if (!fault.empty()) {
    throw std::logic_error(
        fmt::format("plugin {} declares configuration key {} wrongly: {}", plugin, key.path, fault));
  }
  const auto found = keys_.find(key.path);
  if (found == keys_.end()) {
    std::string path = key.path;
    keys_.emplace(std::move(path), DeclaredKey{std::move(key), {std::string(plugin)}});
    return;
  }
  DeclaredKey& declared = found->second;
  if (!equal(declared.key, key)) {
    throw std::logic_error(fmt::format("configuration key {} is declared by {} and, differently, by {}",
                                       key.path, declared.plugins.front(), plugin));
  }
  if (std::ranges::find(declared.plugins, plugin) == declared.plugins.end()) {
    declared.plugins.emplace_back(plugin);
  }
}

const DeclaredKey* KeySet::find(std::string_view path) const {
  const auto found = keys_.find(path);
  return found == keys_.end() ? nullptr : &found->second;
}

const DeclaredKey* KeySet::covering(std::string_view concrete_path) const {
  // The candidates are the declared paths whose steps match; a name that is written out wins over "*".
  std::vector<std::string> candidates = {""};
  while (!concrete_path.empty()) {
    const auto dot = concrete_path.find('.');
    std::string step(concrete_path.substr(0, dot));
    concrete_path.remove_prefix(dot == std::string_view::npos ? concrete_path.size() : dot + 1);
    const auto bracket = step.find('[');
    const std::string entries = bracket == std::string::npos ? "" : "[]";
    step.resize(std::min(step.size(), bracket));
    std::vector<std::string> longer;
    for (const auto& candidate : candidates) {
      for (const std::string_view name : {std::string_view(step), std::string_view("*")}) {
        std::string path = join_path(candidate, name) + entries;
        const auto next = keys_.lower_bound(path);
        if (next != keys_.end() && next->first.starts_with(path)) {
          longer.push_back(std::move(path));
        }
      }
    }
    candidates = std::move(longer);
  }
  for (const auto& candidate : candidates) {
    if (const auto* declared = find(candidate)) {
      return declared;
    }
  }
  return nullptr;
}

}  // namespace lares::config
