// SPDX-License-Identifier: Apache-2.0
#include "unread_counts.hpp"

#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <utility>

#include "schema.hpp"

namespace lares::push_rules {

using service::Notify;
using service::NotifyingEvent;
using service::ReadMarks;

namespace {

// A room with more than this unread shows what was counted so far.
constexpr int kMostPages = 10;
constexpr std::size_t kFullPage = 10'000;
constexpr std::size_t kMostInThreads = 5'000;

constexpr storage::Statement kExceptions{
    "SELECT position, thread, notify FROM push_exceptions WHERE member = $1 AND room = $2 AND position > $3 "
    "AND position <= $4 AND notify <> 3 ORDER BY position"};
constexpr storage::Statement kFirst{
    "SELECT position, notify FROM push_exceptions WHERE member = $1 AND room = $2 ORDER BY position LIMIT 2"};
constexpr storage::LookupMany kRoots{
    .select = "event_id", .from = "push_threads", .keys = {{{"root", storage::ColumnType::Integer}}}};

std::int64_t mark_of_main(const ReadMarks& marks) noexcept {
  return std::max(marks.unthreaded, marks.main);
}

std::int64_t mark_of_thread(const ReadMarks& marks, std::int64_t thread) {
  const auto found = marks.threads.find(thread);
  return std::max(marks.unthreaded, found == marks.threads.end() ? 0 : found->second);
}

// What an event counts as for a user.
Notify notify_of(const Note& note, std::int64_t user) {
  if (note.sender == user) {
    return Notify::kNothing;
  }
  const auto own = std::ranges::lower_bound(note.others, user, {}, &std::pair<std::int64_t, Notify>::first);
  return own != note.others.end() && own->first == user ? own->second : note.notify;
}

}  // namespace

UnreadCounts::UnreadCounts(TaskGroup& loads, Server& server, storage::Database& database,
                           service::Rooms& rooms, RecentNotes& notes)
    : server_(server),
      database_(database),
      rooms_(rooms),
      notes_(notes),
      nothing_read_(std::make_shared<const ReadMarks>()),
      counted_(loads, {.name = "unread_counts", .server_name = server.name(), .max_size = 1'000'000},
               [](const Key&, const CountedPtr& counted) { return counted->threads.size() / 8 + 1; }),
      roots_(loads, {.name = "push_threads", .server_name = server.name(), .max_size = 50'000}) {}

Task<std::shared_ptr<const ReadMarks>> UnreadCounts::marks(std::int64_t user, std::int64_t room) {
  auto* receipts = server_.services().find<service::Receipts>();
  if (receipts == nullptr) {
    co_return nothing_read_;
  }
  co_return co_await receipts->read_marks(user, room);
}

// The row of the join is the first of its member and room, since a join removes those before it. As a rule it
// is the only one.
Task<UnreadCounts::Begin> UnreadCounts::begin(Key key, std::int64_t membership) {
  co_return co_await database_.read("push_begin", [key, membership](storage::ReadTransaction& tx) {
    Begin begin{.position = membership, .exceptions = false};
    tx.each(kFirst, key.user, key.room, [&begin](const storage::Row& row) {
      if (row.i64(1) == kJoinedHere) {
        begin.position = row.i64(0);
      } else {
        begin.exceptions = true;
      }
    });
    return begin;
  });
}

bool UnreadCounts::take_back(Counted& counted, Key key, const RecentNotes::Node& redaction,
                             std::int64_t after) {
  const Note& note = redaction.note;
  if (note.redacts_position > after ||
      note.redacts_position <= std::max(counted.begin, counted.marks->unthreaded)) {
    return true;  // it was not counted
  }
  const std::optional<RecentNotes::NodePtr> recent = notes_.since(key.room, note.redacts_position - 1);
  if (!recent) {
    return false;
  }
  for (const RecentNotes::Node* at = redaction.older.get(); at != nullptr; at = at->older.get()) {
    if (at->note.redacts == note.redacts) {
      return true;  // another redaction of it came first
    }
    if (at->note.event != note.redacts) {
      continue;
    }
    const Notify notify = notify_of(at->note, key.user);
    if (at->note.thread != 0) {
      std::erase_if(counted.threads,
                    [at](const InThread& event) { return event.position == at->note.position; });
    } else if (notify != Notify::kNothing && at->note.position > mark_of_main(*counted.marks)) {
      counted.main.notifications -= 1;
      counted.main.highlights -= notify == Notify::kHighlight ? 1 : 0;
    }
    return true;
  }
  return true;  // what has no note counts for nobody
}

Task<bool> UnreadCounts::add(Counted& counted, Key key, std::int64_t after, std::int64_t upto, Part part) {
  if (after >= upto) {
    co_return false;
  }
  bool redactions = false;
  const auto take = [&counted, part](std::int64_t position, std::int64_t thread, Notify notify) {
    if (notify == Notify::kNothing) {
      return;
    }
    const bool highlight = notify == Notify::kHighlight;
    if (thread == 0) {
      if (part.main && position > std::max(counted.begin, mark_of_main(*counted.marks))) {
        counted.main.notifications += 1;
        counted.main.highlights += highlight ? 1 : 0;
      }
    } else if (part.threads && position > std::max(counted.begin, mark_of_thread(*counted.marks, thread)) &&
               counted.threads.size() < kMostInThreads) {
      counted.threads.push_back({position, thread, highlight});
    }
  };
  if (const std::optional<RecentNotes::NodePtr> recent = notes_.since(key.room, after)) {
    std::vector<const Note*> fresh;
    std::vector<const Note*> redacting;
    for (const RecentNotes::Node* at = recent->get(); at != nullptr && at->note.position > after;
         at = at->older.get()) {
      if (at->note.redacts != 0) {
        redacting.push_back(&at->note);
      }
      if (at->note.position <= upto) {
        redactions = redactions || (at->note.redacts != 0 && !take_back(counted, key, *at, after));
        fresh.push_back(&at->note);
      }
    }
    for (std::size_t i = fresh.size(); i-- > 0;) {
      const Note& note = *fresh[i];
      // A redaction beyond the place takes back what is counted here once it is come to. Events of threads
      // are kept one by one, so that taking back what is not there changes nothing.
      const auto holds_no_longer = [&note, upto](const Note* other) {
        return other->redacts == note.event && (note.thread != 0 || other->position <= upto);
      };
      if (std::ranges::none_of(redacting, holds_no_longer)) {
        take(note.position, note.thread, notify_of(note, key.user));
      }
    }
    co_return redactions;
  }
  struct Exception {
    std::int64_t position;
    std::int64_t thread;
    Notify notify;
  };
  std::vector<Exception> exceptions;
  if (part.exceptions) {
    exceptions = co_await database_.read("push_exceptions", [key, after, upto](storage::ReadTransaction& tx) {
      std::vector<Exception> found;
      tx.each(kExceptions, key.user, key.room, after, upto, [&found](const storage::Row& row) {
        found.push_back({row.i64(0), row.i64(1), static_cast<Notify>(row.i64(2))});
      });
      return found;
    });
  }
  auto exception = exceptions.begin();
  for (int page = 0; page < kMostPages; ++page) {
    const std::vector<NotifyingEvent> events =
        co_await rooms_.notifying_events(key.room, key.user, after, upto);
    for (const NotifyingEvent& event : events) {
      for (; exception != exceptions.end() && exception->position < event.position; ++exception) {
        take(exception->position, exception->thread, exception->notify);
      }
      redactions = redactions || event.redacts;
      if (exception != exceptions.end() && exception->position == event.position) {
        if (!event.redacted) {
          take(event.position, event.thread, exception->notify);
        }
        ++exception;
      } else {
        take(event.position, event.thread, event.notify);
      }
    }
    if (events.size() < kFullPage) {
      break;
    }
    after = events.back().position;
  }
  for (; exception != exceptions.end(); ++exception) {
    take(exception->position, exception->thread, exception->notify);
  }
  co_return redactions;
}

Task<UnreadCounts::Counted> UnreadCounts::whole(Key key, std::shared_ptr<const ReadMarks> marks,
                                                std::int64_t membership, std::int64_t upto) {
  Counted counted;
  counted.marks = std::move(marks);
  counted.membership = membership;
  const Begin begin = co_await this->begin(key, membership);
  counted.begin = begin.position;
  counted.upto = upto;
  const std::int64_t all = std::max(counted.begin, counted.marks->unthreaded);
  const std::int64_t main = std::max(all, counted.marks->main);
  // Between the two only threads can have something unread.
  co_await add(counted, key, all, std::min(main, upto), {.main = false, .exceptions = begin.exceptions});
  co_await add(counted, key, main, upto, {.exceptions = begin.exceptions});
  co_return counted;
}

Task<void> UnreadCounts::move_marks(Counted& counted, Key key, std::shared_ptr<const ReadMarks> marks) {
  const bool main_moved = mark_of_main(*counted.marks) != mark_of_main(*marks);
  counted.marks = std::move(marks);
  std::erase_if(counted.threads, [&counted](const InThread& event) {
    return event.position <= mark_of_thread(*counted.marks, event.thread);
  });
  if (main_moved) {
    counted.main = {};
    const std::int64_t after = std::max(counted.begin, mark_of_main(*counted.marks));
    co_await add(counted, key, after, counted.upto, {.threads = false});
  }
}

Task<Unread> UnreadCounts::count(std::int64_t user, std::int64_t room, stream::StreamPosition upto) {
  const Key key{user, room};
  std::shared_ptr<const ReadMarks> marks = co_await this->marks(user, room);
  const std::optional<service::Membership> membership = co_await rooms_.membership(user, room);
  const std::int64_t joined = membership ? membership->position : 0;
  const std::int64_t settled = upto.minimum();
  Counted counted;
  const CountedPtr known = counted_.peek(key).value_or(nullptr);
  bool changed = true;
  if (known && known->membership == joined) {
    counted = *known;
    changed = counted.upto < settled;
    if (counted.marks != marks && !(*counted.marks == *marks)) {
      co_await move_marks(counted, key, std::move(marks));
      changed = true;
    }
    if (co_await add(counted, key, counted.upto, settled, {})) {
      counted = co_await whole(key, std::move(counted.marks), joined, settled);
    }
    counted.upto = std::max(counted.upto, settled);
  } else {
    counted = co_await whole(key, std::move(marks), joined, settled);
  }
  if (changed) {
    counted_.put(key, std::make_shared<const Counted>(counted));
  }
  // Of several writers some are ahead; what lies between them is counted for this answer alone, since a
  // slower writer may still come up with a lower position.
  if (co_await add(counted, key, counted.upto, upto.maximum(), {})) {
    counted = co_await whole(key, std::move(counted.marks), joined, upto.maximum());
  }
  Unread unread{.main = counted.main, .threads = {}};
  for (const InThread& event : counted.threads) {
    UnreadCount& thread = unread.threads[event.thread];
    thread.notifications += 1;
    thread.highlights += event.highlight ? 1 : 0;
  }
  co_return unread;
}

Task<std::map<std::int64_t, std::string>> UnreadCounts::thread_roots(std::vector<std::int64_t> roots) {
  std::map<std::int64_t, std::string> ids;
  std::vector<std::int64_t> missing;
  for (const std::int64_t root : roots) {
    if (const auto known = roots_.peek(root)) {
      ids.emplace(root, **known);
    } else {
      missing.push_back(root);
    }
  }
  if (missing.empty()) {
    co_return ids;
  }
  const auto found = co_await database_.read("push_threads", [&missing](storage::ReadTransaction& tx) {
    std::vector<std::pair<std::int64_t, std::string>> rows;
    tx.lookup_many(
        kRoots, missing, [](std::int64_t root) { return root; },
        [&rows, &missing](std::size_t index, const storage::Row& row) {
          rows.emplace_back(missing[index], row.bytes_copy(0));
        });
    return rows;
  });
  for (const auto& [root, id] : found) {
    roots_.put(root, std::make_shared<const std::string>(id));
    ids.emplace(root, id);
  }
  co_return ids;
}

}  // namespace lares::push_rules
