// SPDX-License-Identifier: Apache-2.0
#include "relations_service.hpp"

#include <lares/storage/transaction.hpp>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "relation.hpp"
#include "rooms_service.hpp"

namespace lares::events {

using service::Direction;
using service::RelationPage;
using service::RelationQuery;
using service::StoredEventPtr;
using storage::Bytes;
using storage::Row;

namespace {

// $6 and $8 say whether type and relation matter; $7 is how far relations of relations are followed.
#define LARES_CHILDREN                                                                                \
  "WITH RECURSIVE related (event, position, rel_type, type, degree) AS (SELECT event, position, "     \
  "rel_type, type, 1 FROM event_relations WHERE target = $1 UNION SELECT r.event, r.position, "       \
  "r.rel_type, r.type, related.degree + 1 FROM event_relations r JOIN related ON r.target = "         \
  "related.event WHERE related.degree < $7) SELECT event, position FROM related WHERE position > $2 " \
  "AND position < $3 AND ($6 = 0 OR rel_type = $4) AND ($8 = 0 OR type = $5) "
constexpr storage::Statement kBackwards{LARES_CHILDREN "ORDER BY position DESC LIMIT $9"};
constexpr storage::Statement kForwards{LARES_CHILDREN "ORDER BY position LIMIT $9"};
#undef LARES_CHILDREN

constexpr storage::Statement kThreads{
    "SELECT target, max(position) FROM event_relations WHERE room = $1 AND rel_type = $2 GROUP BY target "
    "HAVING max(position) < $3 AND ($4 = 0 OR max(CASE WHEN sender = $5 THEN 1 ELSE 0 END) = 1) "
    "ORDER BY max(position) DESC LIMIT $6"};

constexpr std::int64_t kMostDegrees = 3;
// How far a page reads on when what it finds may not be seen.
constexpr int kMostRounds = 10;

struct Child {
  std::int64_t event = 0;
  std::int64_t position = 0;
};

std::vector<std::int64_t> numbers_of(const std::vector<Child>& children) {
  std::vector<std::int64_t> numbers;
  numbers.reserve(children.size());
  for (const Child& child : children) {
    numbers.push_back(child.event);
  }
  return numbers;
}

}  // namespace

Task<RelationPage> RelationsService::children(service::RoomView& view, StoredEventPtr parent,
                                              RelationQuery query) {
  const bool backwards = query.direction == Direction::kBackwards;
  const std::int64_t beyond = hub_.position(stream::StreamNumber::kEvents).maximum() + 1;
  std::int64_t low = std::numeric_limits<std::int64_t>::min();
  std::int64_t high = beyond;
  if (query.from) {
    (backwards ? high : low) = backwards ? std::min(*query.from, beyond) : *query.from;
  }
  if (query.to) {
    (backwards ? low : high) = backwards ? *query.to : std::min(*query.to, beyond);
  }
  const std::string rel_type = query.rel_type.value_or("");
  const std::string event_type = query.event_type.value_or("");
  RelationPage page;
  for (int round = 0; round < kMostRounds; ++round) {
    const std::size_t wanted = query.limit - page.events.size();
    const std::vector<Child> found =
        co_await database_.read("event_children", [&](storage::ReadTransaction& tx) {
          std::vector<Child> children;
          tx.each(backwards ? kBackwards : kForwards, parent->number, low, high, Bytes{rel_type},
                  Bytes{event_type}, std::int64_t{query.rel_type ? 1 : 0},
                  query.recurse ? kMostDegrees : std::int64_t{1}, std::int64_t{query.event_type ? 1 : 0},
                  static_cast<std::int64_t>(wanted),
                  [&children](const Row& row) { children.push_back({row.i64(0), row.i64(1)}); });
          return children;
        });
    if (!found.empty()) {
      (backwards ? high : low) = found.back().position;
      std::vector<StoredEventPtr> events = co_await caches_.events(numbers_of(found));
      for (StoredEventPtr& event : co_await visible_in(view, std::move(events))) {
        page.events.push_back(std::move(event));
      }
    }
    if (found.size() < wanted) {
      page.next.reset();
      co_return page;
    }
    page.next = backwards ? high : low;
    if (page.events.size() >= query.limit) {
      break;
    }
  }
  co_return page;
}

Task<RelationPage> RelationsService::threads(service::RoomView& view, std::optional<std::int64_t> from,
                                             std::size_t limit, bool participated) {
  const std::int64_t beyond = hub_.position(stream::StreamNumber::kEvents).maximum() + 1;
  std::int64_t before = from ? std::min(*from, beyond) : beyond;
  const std::int64_t room = view.room();
  const std::int64_t reader = reader_of(view);
  RelationPage page;
  for (int round = 0; round < kMostRounds; ++round) {
    const std::size_t wanted = limit - page.events.size();
    const std::vector<Child> found =
        co_await database_.read("room_threads", [&](storage::ReadTransaction& tx) {
          std::vector<Child> roots;
          tx.each(kThreads, room, Bytes{kThread}, before, std::int64_t{participated ? 1 : 0}, reader,
                  static_cast<std::int64_t>(wanted),
                  [&roots](const Row& row) { roots.push_back({row.i64(0), row.i64(1)}); });
          return roots;
        });
    if (!found.empty()) {
      before = found.back().position;
      std::vector<StoredEventPtr> events = co_await caches_.events(numbers_of(found));
      for (StoredEventPtr& event : co_await visible_in(view, std::move(events))) {
        page.events.push_back(std::move(event));
      }
    }
    if (found.size() < wanted) {
      page.next.reset();
      co_return page;
    }
    page.next = before;
    if (page.events.size() >= limit) {
      break;
    }
  }
  co_return page;
}

}  // namespace lares::events
