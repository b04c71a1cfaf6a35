// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <config/key_set.hpp>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lares::config {

/// The declared keys as a tree: one node per step of a path.
///
/// **Lifetime**: as long as the KeySet it was made of.
struct SchemaNode {
  std::string path;                     ///< "listeners[]", "instance_map.*.host"; "" at the root
  const ConfigKey* declared = nullptr;  ///< null for a step that is only on the way to declared keys
  std::map<std::string, SchemaNode, std::less<>> names;
  std::unique_ptr<SchemaNode> any;                          ///< "*": every name that `names` does not have
  std::unique_ptr<SchemaNode> entries;                      ///< "[]"
  std::map<std::string, std::string, std::less<>> aliases;  ///< an older name here, and the name beside it

  /// A step on the way is an object.
  [[nodiscard]] ConfigType type() const noexcept { return declared ? declared->type : ConfigType::Object; }
};

struct Schema {
  SchemaNode root;
  /// Older paths elsewhere in the tree than what they now mean.
  std::map<std::string, std::string, std::less<>> moved;
};

[[nodiscard]] Schema make_schema(const KeySet& keys);

/// The paths that change as one: values, lists and maps that are in no other list or map. Sorted.
[[nodiscard]] std::vector<std::string> reload_units(const KeySet& keys);

}  // namespace lares::config
