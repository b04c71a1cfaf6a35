// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/json/value.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/matrix/push_rules.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "glob.hpp"

namespace lares::matrix {

/// A dot-separated property path, taken apart. Paths that many rules ask for have a slot of their own.
struct PropertyPath {
  static constexpr std::size_t kSlots = 10;

  explicit PropertyPath(std::string_view dotted);

  std::string text;
  std::vector<std::string> parts;
  std::size_t slot = kSlots;
};

/// A property of an event as conditions look at it.
struct Property {
  json::Value value;  ///< missing also for fields that stand in no place of the event's bytes
  bool is_string = false;
  std::string folded;  ///< of a string
  std::string text;    ///< of a string
};

/// The properties of one event, each found and folded at the first asking.
class Properties {
 public:
  explicit Properties(const Event& event) noexcept : event_(&event) {}

  const Property& operator[](const PropertyPath& path);
  [[nodiscard]] const Event& event() const noexcept { return *event_; }

 private:
  [[nodiscard]] Property find(const PropertyPath& path) const;

  const Event* event_;
  std::array<std::optional<Property>, PropertyPath::kSlots> slots_;
  std::unordered_map<std::string, Property, IdentifierHash, IdentifierEqual> others_;
};

enum class PushConditionKind : std::uint8_t {
  kNever,  ///< unknown, or not well-formed
  kMatch,
  kMatchUser,  ///< the property is the user's id
  kIs,
  kContains,
  kContainsUser,
  kDisplayName,
  kLocalpart,
  kMemberCount,
  kPermission,
  kRelatedMatch,
};

/// A value that `event_property_is` and `event_property_contains` compare with.
struct PushScalar {
  json::Kind kind = json::Kind::kMissing;
  std::int64_t number = 0;
  bool truth = false;
  std::string text;

  [[nodiscard]] static std::optional<PushScalar> read(const json::Value& value);
  [[nodiscard]] bool equals(const json::Value& value) const;
};

/// One condition, made ready.
struct PushCondition {
  PushConditionKind kind = PushConditionKind::kNever;
  std::optional<PropertyPath> path;
  std::optional<Glob> glob;
  bool words = false;  ///< of `content.body`
  PushScalar scalar;
  char comparison = '=';  ///< of the member count: '=', '<', '>', 'l' (at most), 'g' (at least)
  std::int64_t count = 0;
  std::string key;  ///< of the permission; the relation's type
  bool include_fallbacks = false;

  /// `predefined`: placeholders for the user are understood.
  [[nodiscard]] static PushCondition read(const json::Value& object, bool predefined);
  /// Of a content rule.
  [[nodiscard]] static PushCondition body(std::string_view pattern, bool predefined);

  [[nodiscard]] bool about_user() const noexcept {
    return kind == PushConditionKind::kMatchUser || kind == PushConditionKind::kContainsUser ||
           kind == PushConditionKind::kDisplayName || kind == PushConditionKind::kLocalpart;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
};

/// An array of conditions; a condition that is not well-formed makes the rule match nothing.
[[nodiscard]] std::vector<PushCondition> read_push_conditions(std::string_view array, bool predefined);

}  // namespace lares::matrix
