// SPDX-License-Identifier: Apache-2.0
#include "push_conditions.hpp"

#include <lares/matrix/third_party_id.hpp>

#include <charconv>

#include "push_predefined.hpp"

namespace lares::matrix {

namespace {

constexpr std::array<std::string_view, PropertyPath::kSlots> kSlotNames{"type",
                                                                        "state_key",
                                                                        "sender",
                                                                        "room_id",
                                                                        "content.body",
                                                                        "content.msgtype",
                                                                        "content.membership",
                                                                        "content.m\\.mentions.room",
                                                                        "content.m\\.relates_to.rel_type",
                                                                        "content.m\\.mentions.user_ids"};

constexpr std::size_t kMaxPathParts = 32;

std::vector<std::string> take_apart(std::string_view dotted) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < dotted.size(); ++i) {
    const char c = dotted[i];
    if (c == '.') {
      parts.emplace_back();
    } else if (c == '\\' && i + 1 < dotted.size() && (dotted[i + 1] == '.' || dotted[i + 1] == '\\')) {
      parts.back() += dotted[++i];
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

Property string_property(std::string_view text) {
  return {.value = {}, .is_string = true, .folded = fold_case(text), .text = std::string{text}};
}

bool read_count(std::string_view text, PushCondition& condition) {
  condition.comparison = '=';
  if (text.starts_with("==")) {
    text.remove_prefix(2);
  } else if (text.starts_with("<=")) {
    condition.comparison = 'l';
    text.remove_prefix(2);
  } else if (text.starts_with(">=")) {
    condition.comparison = 'g';
    text.remove_prefix(2);
  } else if (text.starts_with("<") || text.starts_with(">")) {
    condition.comparison = text.front();
    text.remove_prefix(1);
  }
  if (text.empty() || text.front() < '0' || text.front() > '9') {
    return false;
  }
  const auto read = std::from_chars(text.data(), text.data() + text.size(), condition.count);
  return read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

bool set_path(PushCondition& condition, const json::Value& key) {
  const auto dotted = key.to_string();
  if (!dotted || dotted->size() > kMaxPushPatternBytes) {
    return false;
  }
  condition.path.emplace(*dotted);
  return condition.path->parts.size() <= kMaxPathParts;
}

bool set_pattern(PushCondition& condition, const json::Value& pattern) {
  const auto text = pattern.to_string();
  if (!text || text->size() > kMaxPushPatternBytes) {
    return false;
  }
  condition.glob.emplace(fold_case(*text));
  condition.words = condition.path->text == "content.body";
  return true;
}

}  // namespace

PropertyPath::PropertyPath(std::string_view dotted) : text(dotted), parts(take_apart(dotted)) {
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (kSlotNames[i] == text) {
      slot = i;
    }
  }
}

const Property& Properties::operator[](const PropertyPath& path) {
  if (path.slot < PropertyPath::kSlots) {
    std::optional<Property>& slot = slots_[path.slot];
    return slot ? *slot : slot.emplace(find(path));
  }
  if (const auto found = others_.find(std::string_view{path.text}); found != others_.end()) {
    return found->second;
  }
  return others_.emplace(path.text, find(path)).first->second;
}

// What a client sees of the event; the fields of the graph, hashes and signatures are nobody's condition.
Property Properties::find(const PropertyPath& path) const {
  const std::string& first = path.parts.front();
  if (path.parts.size() == 1) {
    if (first == "type") {
      return string_property(event_->type());
    }
    if (first == "sender") {
      return string_property(event_->sender());
    }
    if (first == "room_id") {
      return string_property(event_->room_id());
    }
    if (first == "event_id") {
      return string_property(event_->event_id());
    }
    if (first == "state_key") {
      return event_->state_key() ? string_property(*event_->state_key()) : Property{};
    }
    if (first == "redacts") {
      return event_->redacts() ? string_property(*event_->redacts()) : Property{};
    }
  }
  if (first != "content" && first != "origin_server_ts") {
    return {};
  }
  json::Value value = first == "content" ? event_->content() : event_->field(first);
  for (std::size_t i = 1; i < path.parts.size() && value; ++i) {
    value = value[path.parts[i]];
  }
  if (const auto text = value.to_string()) {
    Property property = string_property(*text);
    property.value = value;
    return property;
  }
  return {.value = value, .is_string = false, .folded = {}, .text = {}};
}

std::optional<PushScalar> PushScalar::read(const json::Value& value) {
  PushScalar scalar;
  scalar.kind = value.kind();
  switch (scalar.kind) {
    case json::Kind::kNull:
      return scalar;
    case json::Kind::kBoolean:
      scalar.truth = *value.as_bool();
      return scalar;
    case json::Kind::kNumber:
      if (const auto number = value.as_int64()) {
        scalar.number = *number;
        return scalar;
      }
      return std::nullopt;
    case json::Kind::kString:
      scalar.text = *value.to_string();
      return scalar;
    default:
      return std::nullopt;
  }
}

bool PushScalar::equals(const json::Value& value) const {
  if (value.kind() != kind) {
    return false;
  }
  switch (kind) {
    case json::Kind::kNull:
      return true;
    case json::Kind::kBoolean:
      return value.as_bool() == truth;
    case json::Kind::kNumber:
      return value.as_int64() == number;
    default:
      return value.equals(text);
  }
}

PushCondition PushCondition::read(const json::Value& object, bool predefined) {
  PushCondition condition;
  const json::Value kind = object["kind"];
  if (kind.equals("event_match")) {
    if (!set_path(condition, object["key"])) {
      return condition;
    }
    if (predefined && object["pattern"].equals(kUserPlaceholder)) {
      condition.kind = PushConditionKind::kMatchUser;
    } else if (set_pattern(condition, object["pattern"])) {
      condition.kind = PushConditionKind::kMatch;
    }
  } else if (const bool contains = kind.equals("event_property_contains") ||
                                   kind.equals("org.matrix.msc3966.exact_event_property_contains");
             contains || kind.equals("event_property_is") ||
             kind.equals("com.beeper.msc3758.exact_event_match")) {
    auto scalar = PushScalar::read(object["value"]);
    if (!scalar || !set_path(condition, object["key"])) {
      return condition;
    }
    condition.kind = contains ? PushConditionKind::kContains : PushConditionKind::kIs;
    if (predefined && scalar->text == kUserPlaceholder) {
      condition.kind = PushConditionKind::kContainsUser;
    }
    condition.scalar = std::move(*scalar);
  } else if (kind.equals("contains_display_name")) {
    condition.kind = PushConditionKind::kDisplayName;
    condition.path.emplace("content.body");
  } else if (kind.equals("room_member_count")) {
    const auto is = object["is"].to_string();
    if (is && read_count(*is, condition)) {
      condition.kind = PushConditionKind::kMemberCount;
    }
  } else if (kind.equals("sender_notification_permission")) {
    if (auto key = object["key"].to_string()) {
      condition.kind = PushConditionKind::kPermission;
      condition.key = std::move(*key);
    }
  } else if (kind.equals("related_event_match") || kind.equals("im.nheko.msc3664.related_event_match")) {
    auto rel_type = object["rel_type"].to_string();
    if (!rel_type) {
      return condition;
    }
    // Without a key it is enough that there is such a relation.
    if (object["key"] &&
        (!set_path(condition, object["key"]) || !set_pattern(condition, object["pattern"]))) {
      return condition;
    }
    condition.kind = PushConditionKind::kRelatedMatch;
    condition.key = std::move(*rel_type);
    condition.include_fallbacks = object["include_fallbacks"].as_bool().value_or(false);
  }
  return condition;
}

PushCondition PushCondition::body(std::string_view pattern, bool predefined) {
  PushCondition condition;
  condition.path.emplace("content.body");
  if (predefined && pattern == kLocalpartPlaceholder) {
    condition.kind = PushConditionKind::kLocalpart;
  } else if (pattern.size() <= kMaxPushPatternBytes) {
    condition.kind = PushConditionKind::kMatch;
    condition.glob.emplace(fold_case(pattern));
    condition.words = true;
  }
  return condition;
}

std::size_t PushCondition::memory_bytes() const noexcept {
  std::size_t bytes = sizeof(PushCondition) + scalar.text.capacity() + key.capacity();
  if (path) {
    bytes += path->text.capacity() + path->parts.size() * sizeof(std::string);
  }
  return bytes + (glob ? glob->memory_bytes() : 0);
}

std::vector<PushCondition> read_push_conditions(std::string_view array, bool predefined) {
  std::vector<PushCondition> conditions;
  for (const json::Value& object : json::Value{array}.elements()) {
    conditions.push_back(PushCondition::read(object, predefined));
  }
  return conditions;
}

}  // namespace lares::matrix
