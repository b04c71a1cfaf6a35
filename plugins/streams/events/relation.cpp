// SPDX-License-Identifier: Apache-2.0
#include "relation.hpp"

#include <utility>

namespace lares::events {

namespace {

// Longer ones are no relations that anybody asks for by name.
constexpr std::size_t kLongest = 255;
// PostgreSQL indexes no row of more than 2.7 KB, and nobody reacts with a text.
constexpr std::size_t kLongestKey = 500;

}  // namespace

std::optional<Relation> relation_of(json::Value content) {
  const json::Value relates = content["m.relates_to"];
  if (!relates.is_object()) {
    return std::nullopt;
  }
  Relation relation;
  std::optional<std::string> type = relates["rel_type"].to_string();
  std::optional<std::string> event = (type ? relates : relates["m.in_reply_to"])["event_id"].to_string();
  if (!event || event->empty() || event->size() > kLongest || (type && type->size() > kLongest)) {
    return std::nullopt;
  }
  relation.event_id = std::move(*event);
  if (type) {
    relation.rel_type = std::move(*type);
  }
  if (relation.rel_type == kAnnotation) {
    if (has_oversized_key(content)) {
      return std::nullopt;
    }
    relation.key = relates["key"].to_string().value_or("");
  }
  return relation;
}

bool has_oversized_key(json::Value content) {
  const json::Value relates = content["m.relates_to"];
  if (!relates.is_object() || relates["rel_type"].to_string() != kAnnotation) {
    return false;
  }
  const std::optional<std::string> key = relates["key"].to_string();
  return key && key->size() > kLongestKey;
}

}  // namespace lares::events
