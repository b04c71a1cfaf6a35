// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/receipts.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/database.hpp>
#include <lares/stream/token.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "recent_notes.hpp"

namespace lares::push_rules {

struct UnreadCount {
  std::int64_t notifications = 0;
  std::int64_t highlights = 0;
};

/// What of a room a user has not read.
struct Unread {
  UnreadCount main;                             ///< the main timeline
  std::map<std::int64_t, UnreadCount> threads;  ///< by number of the root; those with something unread
};

/// Counts what local users have not read: events after the user's receipts, or without any after the join.
/// What was counted is kept, and goes on from where it was.
///
/// **Threads**: any.
class UnreadCounts {
 public:
  UnreadCounts(TaskGroup& loads, Server& server, storage::Database& database, service::Rooms& rooms,
               RecentNotes& notes);

  /// As of a place in the stream of events.
  Task<Unread> count(std::int64_t user, std::int64_t room, stream::StreamPosition upto);
  /// Ids of threads' roots by their numbers; one that is not known is left out.
  Task<std::map<std::int64_t, std::string>> thread_roots(std::vector<std::int64_t> roots);

 private:
  struct Key {
    std::int64_t user;
    std::int64_t room;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return static_cast<std::size_t>(key.user) * 1'000'003U + static_cast<std::size_t>(key.room);
    }
  };
  /// An event of a thread that is not read yet. Threads are read one by one, so the events are kept.
  struct InThread {
    std::int64_t position;
    std::int64_t thread;
    bool highlight;
  };
  struct Counted {
    std::shared_ptr<const service::ReadMarks> marks;
    std::int64_t membership = 0;  ///< position of the member event
    std::int64_t begin = 0;       ///< counts begin after this position
    std::int64_t upto = 0;        ///< everything up to here is counted
    UnreadCount main;
    std::vector<InThread> threads;  ///< ascending
  };
  using CountedPtr = std::shared_ptr<const Counted>;

  Task<std::shared_ptr<const service::ReadMarks>> marks(std::int64_t user, std::int64_t room);
  struct Begin {
    std::int64_t position = 0;
    bool exceptions = true;  ///< there may be some
  };
  Task<Begin> begin(Key key, std::int64_t membership);
  /// What to add of a range of events.
  struct Part {
    bool main = true;
    bool threads = true;
    bool exceptions = true;  ///< false: it is known that there are none
  };
  /// A redaction: takes back what its target counted at or below `after`. False: what that was is not known.
  bool take_back(Counted& counted, Key key, const RecentNotes::Node& redaction, std::int64_t after);
  /// Adds what lies in (after, upto]. True: what was counted of events before it may hold no longer.
  Task<bool> add(Counted& counted, Key key, std::int64_t after, std::int64_t upto, Part part);
  Task<Counted> whole(Key key, std::shared_ptr<const service::ReadMarks> marks, std::int64_t membership,
                      std::int64_t upto);
  Task<void> move_marks(Counted& counted, Key key, std::shared_ptr<const service::ReadMarks> marks);

  Server& server_;
  storage::Database& database_;
  service::Rooms& rooms_;
  RecentNotes& notes_;
  std::shared_ptr<const service::ReadMarks> nothing_read_;
  Cache<Key, CountedPtr, KeyHash> counted_;
  Cache<std::int64_t, std::shared_ptr<const std::string>> roots_;
};

}  // namespace lares::push_rules
