// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/matrix/event.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lares::sim {

/// The events of all rooms as the database has them at the end of a run, in the order in which they arrived.
class RoomHistory {
 public:
  struct Entry {
    std::int64_t position = 0;
    matrix::EventPtr event;
  };
  using Room = std::vector<Entry>;

  static Task<RoomHistory> read(storage::Database& database);

  [[nodiscard]] const std::map<std::string, Room, std::less<>>& rooms() const noexcept { return rooms_; }
  /// Null for an event that is not there.
  [[nodiscard]] const Entry* find(std::string_view event_id) const;
  /// The positions at which a user, who was not in the room, joined it.
  [[nodiscard]] static std::vector<std::int64_t> joins(const Room& room, std::string_view user);

  /// Whether each room is what one writer makes of it alone: every event follows on the one before, and is
  /// authorised by the state of that moment. Calls `fault` with what is not so.
  void judge(const std::function<void(std::string)>& fault) const;

 private:
  std::map<std::string, Room, std::less<>> rooms_;
  std::map<std::string, std::pair<std::string, std::size_t>, std::less<>> places_;  // by event id
};

}  // namespace lares::sim
