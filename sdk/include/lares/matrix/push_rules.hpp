// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/power_levels.hpp>
#include <lares/matrix/push_ruleset.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// What a user's rules make of an event.
struct PushOutcome {
  bool notify = false;
  bool highlight = false;    ///< never without `notify`
  std::string_view rule_id;  ///< of the rule that matched; empty if none did
  std::string_view actions;  ///< JSON array of that rule: for the tweaks that a push carries

  bool operator==(const PushOutcome&) const = default;
};

/// One user's rules, made ready once and asked for many events.
///
/// **Threads** immutable, so any.
class LARES_EXPORT PushRules {
 public:
  PushRules(const PushRuleset& ruleset, std::string_view user_id);
  ~PushRules();
  PushRules(const PushRules&) = delete;
  PushRules& operator=(const PushRules&) = delete;

  [[nodiscard]] std::string_view user_id() const noexcept;
  /// Some rule asks for the user's display name in the room.
  [[nodiscard]] bool needs_display_name() const noexcept;
  /// Some rule asks who may notify the whole room: PushRoom::power_levels.
  [[nodiscard]] bool needs_power_levels() const noexcept;
  /// Some rule asks about an event that the event relates to.
  [[nodiscard]] bool needs_related_events() const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  friend class PushEvent;
  struct State;
  std::unique_ptr<const State> state_;
};

/// What rules ask about the room of an event.
struct PushRoom {
  std::int64_t joined_members = 0;
  /// Null: nobody may notify the whole room.
  const PowerLevels* power_levels = nullptr;
};

/// An event's reference to another one.
struct PushRelation {
  std::string rel_type;  ///< "m.in_reply_to" for a reply
  std::string event_id;
  bool fallback = false;  ///< a reply that stands there for clients which know no threads
};

/// What an event relates to: its relation and what it replies to.
[[nodiscard]] LARES_EXPORT std::vector<PushRelation> push_relations(const Event& event);

/// A related event that was found.
struct RelatedEvent {
  PushRelation relation;
  EventPtr event;
};

/// One event as the rules of many users look at it: each property is found and folded once, and each
/// condition of the predefined rules that does not depend on the user is decided once.
///
///     PushEvent event{*stored->event, {.joined_members = 16, .power_levels = &levels}};
///     const PushOutcome most = event.outcome_for_others();
///     for (const auto& rules : of_those_who_have_their_own) {
///       const PushOutcome one = event.outcome(*rules, display_name);
///     }
///
/// **Threads** one at a time. **Lifetime** that of the event, the power levels and the related events.
class LARES_EXPORT PushEvent {
 public:
  PushEvent(const Event& event, PushRoom room, std::span<const RelatedEvent> related = {});
  ~PushEvent();
  PushEvent(const PushEvent&) = delete;
  PushEvent& operator=(const PushEvent&) = delete;

  /// For a user with rules of one's own. `display_name`: in the room; asked for by needs_display_name.
  /// The sender of an event is notified of nothing.
  [[nodiscard]] PushOutcome outcome(const PushRules& rules, std::string_view display_name = {});
  /// For a user with the predefined rules as they are. `display_name` matters to legacy rules only.
  [[nodiscard]] PushOutcome predefined_outcome(
      std::string_view user_id, std::string_view display_name = {},
      PredefinedPushRules predefined = PredefinedPushRules::kCurrent);
  /// For all those with the predefined rules as they are whom the event does not name: not among
  /// `mentions()`, nor its state key.
  [[nodiscard]] PushOutcome outcome_for_others();

  /// The users whom `m.mentions` names, sorted; each once.
  [[nodiscard]] std::span<const std::string> mentions();
  /// `m.mentions` asks to notify the whole room.
  [[nodiscard]] bool mentions_room();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lares::matrix
