// SPDX-License-Identifier: Apache-2.0
#include <config/schema.hpp>

#include <config/path.hpp>

namespace lares::config {

namespace {

SchemaNode& step_into(SchemaNode& node, const Segment& segment) {
  SchemaNode* next = nullptr;
  if (segment.name == "*") {
    if (!node.any) {
      node.any = std::make_unique<SchemaNode>();
    }
    next = node.any.get();
  } else {
    next = &node.names[segment.name];
  }
  next->path = join_path(node.path, segment.name);
  if (!segment.entries) {
    return *next;
  }
  if (!next->entries) {
    next->entries = std::make_unique<SchemaNode>();
    next->entries->path = next->path + "[]";
  }
  return *next->entries;
}

void collect_units(const SchemaNode& node, std::vector<std::string>& units) {
  if (node.type() != ConfigType::Object) {
    units.push_back(node.path);
    return;
  }
  for (const auto& [name, child] : node.names) {
    collect_units(child, units);
  }
}

}  // namespace

Schema make_schema(const KeySet& keys) {
  Schema schema;
  for (const auto& [path, declared] : keys.all()) {
    SchemaNode* parent = nullptr;
    SchemaNode* node = &schema.root;
    const auto segments = parse_path(path).value();
    for (const auto& segment : segments) {
      parent = node;
      node = &step_into(*node, segment);
    }
    node->declared = &declared.key;
    for (const auto& alias : declared.key.aliases) {
      if (parent_path(alias) == parent_path(path)) {
        parent->aliases.emplace(last_name(alias), last_name(path));
      } else {
        schema.moved.emplace(alias, path);
      }
    }
  }
  return schema;
}

std::vector<std::string> reload_units(const KeySet& keys) {
  const Schema schema = make_schema(keys);
  std::vector<std::string> units;
  collect_units(schema.root, units);
  return units;
}

}  // namespace lares::config
