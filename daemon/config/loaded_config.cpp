// SPDX-License-Identifier: Apache-2.0
#include <config/loaded_config.hpp>

#include <config/parts.hpp>
#include <config/path.hpp>
#include <config/schema.hpp>

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace lares::config {

namespace {

using Index = std::unordered_map<std::string, const nlohmann::json*, PathHash, std::equal_to<>>;

/// Every declared path that names one value, and every mapping above one.
void fill(Index& index, const SchemaNode& node, const nlohmann::json& value) {
  if (!node.path.empty()) {
    index.emplace(node.path, &value);
  }
  for (const auto& [name, child] : node.names) {
    if (const auto found = value.find(name); found != value.end()) {
      fill(index, child, *found);
    }
  }
}

nlohmann::json::json_pointer pointer_to(std::string_view path) {
  nlohmann::json::json_pointer pointer;
  const auto segments = parse_path(path).value();
  for (const auto& segment : segments) {
    pointer.push_back(segment.name);
  }
  return pointer;
}

/// Whether `path` is `unit` or lies below it.
bool belongs_to(std::string_view path, std::string_view unit) {
  return path.starts_with(unit) &&
         (path.size() == unit.size() || path[unit.size()] == '.' || path[unit.size()] == '[');
}

}  // namespace

std::string LoadedConfig::Parts::place(const Origin& origin) const {
  std::string text = names.at(static_cast<std::size_t>(origin.mark.source));
  if (origin.mark.line > 0) {
    text += ':' + std::to_string(origin.mark.line);
  }
  return origin.secret_file.empty() ? text : fmt::format("{}, from {}", text, origin.secret_file);
}

LoadedConfig::LoadedConfig(std::unique_ptr<Parts> parts) {
  fill(parts->index, make_schema(parts->keys).root, parts->root);
  parts_ = std::move(parts);
}

LoadedConfig::~LoadedConfig() = default;

const nlohmann::json* LoadedConfig::find(std::string_view path) const {
  const auto found = parts_->index.find(path);
  return found == parts_->index.end() ? nullptr : found->second;
}

const nlohmann::json& LoadedConfig::get(std::string_view path) const {
  const auto* value = find(path);
  if (value == nullptr) {
    throw std::logic_error(
        fmt::format("configuration key {} was asked for, and no plugin declared it", path));
  }
  return *value;
}

bool LoadedConfig::is_set(std::string_view path) const {
  return parts_->origins.contains(path);
}

std::string LoadedConfig::origin(std::string_view path) const {
  const auto found = parts_->origins.find(path);
  return found == parts_->origins.end() ? "default" : parts_->place(found->second);
}

const nlohmann::json& LoadedConfig::root() const noexcept {
  return parts_->root;
}

const KeySet& LoadedConfig::keys() const noexcept {
  return parts_->keys;
}

ConfigDiff diff(const LoadedConfig& before, const LoadedConfig& after) {
  ConfigDiff result;
  for (const auto& unit : reload_units(after.keys())) {
    const auto* former = before.find(unit);
    if (former != nullptr && *former == after.get(unit)) {
      continue;
    }
    const bool live = after.keys().find(unit)->key.reload == Reload::Live;
    (live ? result.live : result.restart).push_back(unit);
  }
  return result;
}

std::shared_ptr<const LoadedConfig> apply_live(const LoadedConfig& before, const LoadedConfig& after) {
  auto parts = std::make_unique<LoadedConfig::Parts>();
  parts->keys = before.keys();
  parts->root = before.root();
  parts->origins = before.parts_->origins;
  parts->names = before.parts_->names;
  // Marks of `after` point into names of its own.
  const int shift = static_cast<int>(parts->names.size());
  parts->names.insert(parts->names.end(), after.parts_->names.begin(), after.parts_->names.end());
  for (const auto& unit : diff(before, after).live) {
    parts->root[pointer_to(unit)] = after.get(unit);
    std::erase_if(parts->origins, [&](const auto& origin) { return belongs_to(origin.first, unit); });
    for (const auto& [path, origin] : after.parts_->origins) {
      if (belongs_to(path, unit)) {
        Origin moved = origin;
        moved.mark.source += shift;
        parts->origins.emplace(path, std::move(moved));
      }
    }
  }
  return std::make_shared<const LoadedConfig>(std::move(parts));
}

}  // namespace lares::config
