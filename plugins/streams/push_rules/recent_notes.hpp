// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/stream/token.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lares::push_rules {

/// What one event does to unread counts: to most members, and to those to whom it does something else.
struct Note {
  std::int64_t position = 0;
  std::int64_t sender = 0;
  std::int64_t thread = 0;
  service::Notify notify = service::Notify::kNothing;
  std::vector<std::pair<std::int64_t, service::Notify>> others;  ///< by user, ascending
  std::int64_t event = 0;                                        ///< its number
  std::int64_t redacts = 0;  ///< number of the event whose note holds no longer
  std::int64_t redacts_position = 0;
};

/// The newest notes of each room whose events this process writes, so that counts go on from them without the
/// database.
///
/// **Threads**: any; `add` from the loop that persists events.
class RecentNotes {
 public:
  struct Node {
    Note note;
    std::shared_ptr<const Node> older;
    std::size_t length = 1;
  };
  using NodePtr = std::shared_ptr<const Node>;

  RecentNotes(TaskGroup& loads, const std::string& server_name);

  /// This process writes all events from here on, beyond `position`.
  void begins_at(std::int64_t position) noexcept { begins_at_ = position; }
  void add(std::int64_t room, Note note);

  /// The newest note of a room, if the list reaches back to `after`: every note beyond it is among the older
  /// ones. Null in the optional: there is none.
  [[nodiscard]] std::optional<NodePtr> since(std::int64_t room, std::int64_t after);

 private:
  Cache<std::int64_t, NodePtr> newest_;
  std::atomic<std::int64_t> begins_at_{-1};  // negative: others write, too
};

}  // namespace lares::push_rules
