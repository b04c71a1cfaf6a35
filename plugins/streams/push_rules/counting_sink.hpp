// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/measure.hpp>
#include <lares/async/runtime.hpp>
#include <lares/matrix/push_rules.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/service/rooms.hpp>

#include <cstdint>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "audience.hpp"
#include "recent_notes.hpp"

namespace lares::push_rules {

/// Decides with each event that is written what it does to the unread counts of the local members.
///
/// What the predefined rules say is one mark of the event. Rows are written for those alone to whom the event
/// is something else: members with rules of their own, and members whom it mentions.
///
/// spec: Client-Server API, "Receiving notifications"
class CountingSink final : public service::EventSink {
 public:
  CountingSink(Runtime& runtime, const std::string& server_name, storage::Interner& interner,
               service::Rooms& rooms, UserRulesCache& rules, Audiences& audiences, RecentNotes& notes);

  Task<void> prepare(std::span<const service::StoredEventPtr> events,
                     std::span<service::EventMarks> marks) override;
  void write(storage::WriteTransaction& tx, std::span<const service::StoredEventPtr> events) override;
  void committed(std::span<const service::StoredEventPtr> events) noexcept override;

 private:
  /// What an event comes to; its position is not known yet.
  struct Verdict {
    service::Notify most = service::Notify::kNothing;
    std::vector<std::pair<std::int64_t, service::Notify>> others;
    std::int64_t member = 0;  ///< whose member event it is, if a local user's
    bool in = false;          ///< who is joined after it
    bool joined = false;      ///< who was not before it
    std::string thread_root;  ///< the id, where the event names its thread
    std::int64_t redacts = 0;
    std::int64_t redacts_position = 0;
  };
  /// A room as the events of the batch leave it, one after the other.
  struct Place {
    AudiencePtr audience;
    std::map<std::int64_t, bool> moved;  ///< who has joined or left within the batch
    std::vector<Listener> arrived;       ///< of those who have joined, those with rules of their own
    std::vector<Ignoring> ignoring;      ///< of those who have joined, those who ignore somebody
    std::int64_t joined = 0;
    bool fresh = false;  ///< the batch creates the room
    bool power_known = false;
    matrix::EventPtr create;
    matrix::EventPtr power_levels;
  };

  Task<Place> open(const service::StoredEvent& event);
  Task<Verdict> judge(const service::StoredEvent& event, Place& place);
  Task<void> find_power_levels(const service::StoredEvent& event, Place& place);
  Task<std::vector<matrix::RelatedEvent>> find_related(const matrix::Event& event);
  /// Local members who ignore the event's sender, ascending.
  static std::vector<std::int64_t> deaf_to(const service::StoredEvent& event, const Place& place);
  Task<void> move_member(const service::StoredEvent& event, Place& place, Verdict& verdict);
  [[nodiscard]] static bool is_joined(const Place& place, std::int64_t user);

  Runtime& runtime_;
  std::string server_;  // ":a.example"
  MeasuredBlock judging_;
  storage::Interner& interner_;
  service::Rooms& rooms_;
  UserRulesCache& rules_;
  Audiences& audiences_;
  RecentNotes& notes_;
  std::vector<Verdict> verdicts_;  // of the batch under way
  std::int64_t now_ts_ = 0;
};

}  // namespace lares::push_rules
