// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/http/requester.hpp>
#include <lares/stream/token.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {
class Filter;
}

namespace lares::service {

/// A room in the `join` section of a sync. All texts are JSON; lists are entries that the serialiser joins
/// with commas.
struct JoinedRoomSync {
  std::int64_t room = 0;  ///< interned
  std::string room_id;
  bool newly_joined = false;  ///< joined between the tokens, or the sync is an initial one: everything is new
  std::vector<std::string> timeline;  ///< client events, oldest first
  bool limited = false;
  std::string prev_batch;
  std::vector<std::string> state;
  std::vector<std::string> ephemeral;
  std::vector<std::string> account_data;
  std::optional<std::string> summary;  ///< object
  std::optional<std::int64_t> notification_count;
  std::optional<std::int64_t> highlight_count;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>>
      thread_counts;  ///< thread root: notifications, highlights

  /// Nothing in it is news to the client. That something was left out is.
  [[nodiscard]] bool empty() const noexcept {
    return timeline.empty() && !limited && state.empty() && ephemeral.empty() && account_data.empty() &&
           !notification_count;
  }
};

/// A room in the `leave` section.
struct LeftRoomSync {
  std::string room_id;
  std::vector<std::string> timeline;
  bool limited = false;
  std::string prev_batch;
  std::vector<std::string> state;
  std::vector<std::string> account_data;
};

/// What a sync answers, put together by contributors.
struct LARES_EXPORT SyncResponse {
  std::vector<JoinedRoomSync> joined;
  std::vector<LeftRoomSync> left;
  std::vector<std::pair<std::string, std::vector<std::string>>> invited;  ///< room id, stripped state
  std::vector<std::pair<std::string, std::vector<std::string>>> knocked;  ///< room id, stripped state
  std::vector<std::string> account_data;
  std::vector<std::string> presence;
  std::vector<std::string> to_device;
  std::vector<std::string> device_lists_changed;         ///< user ids
  std::vector<std::string> device_lists_left;            ///< user ids
  std::optional<std::string> one_time_keys_count;        ///< object
  std::optional<std::string> unused_fallback_key_types;  ///< array

  SyncResponse();
  ~SyncResponse();
  SyncResponse(SyncResponse&&) noexcept;
  SyncResponse& operator=(SyncResponse&&) noexcept;

  /// The section of a joined room, made empty if it is not there yet: for a contributor that has news of a
  /// room without new events. Null if the user is not joined to it at the sync's end.
  [[nodiscard]] JoinedRoomSync* room(std::int64_t room);
  /// Nothing that would wake a long poll. Counts of keys do not.
  [[nodiscard]] bool empty() const noexcept;

  /// Rooms the user is joined to at the end of the sync: number and id. Filled in by the events contributor.
  std::vector<std::pair<std::int64_t, std::string>> joined_rooms;
};

/// For whom, and between which places, a sync is put together.
struct SyncScope {
  const http::Requester* requester = nullptr;
  std::int64_t user = 0;  ///< interned
  bool initial = false;   ///< no `since`
  bool full_state = false;
  bool state_after = false;  ///< state is wanted as of the end of the timeline, not of its start
  stream::Token from = {};
  stream::Token to = {};  ///< every read is bounded by it
  const matrix::Filter* filter = nullptr;
  /// How often the timelines of this answer, all together, may still read on where what they found is not
  /// shown.
  mutable std::size_t reads_left = 50;
};

/// One stream's part of /sync. Contributors are called in their order of joining: events (0) first, which
/// settles the rooms.
///
/// **Threads**: any, one call at a time for one sync.
class LARES_EXPORT SyncContributor {
 public:
  static constexpr std::string_view kServiceId = "lares.sync-contributor/1";
  virtual ~SyncContributor();

  virtual Task<void> contribute(SyncScope& scope, SyncResponse& response) = 0;

  /// Fields that stand in every answer, also an unchanged one (counts of one-time keys), from memory: appends
  /// members of the outermost object, each followed by a comma, or returns false if they are not known
  /// without waiting.
  virtual bool append_always(const http::Requester& requester, std::string& out) noexcept;
};

}  // namespace lares::service
