// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/service/rooms.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lares::service {

/// Which of the events that relate to one are asked for.
struct RelationQuery {
  std::optional<std::string> rel_type;
  std::optional<std::string> event_type;
  std::optional<std::int64_t> from;  ///< position, not included; absent for the end it starts from
  std::optional<std::int64_t> to;    ///< position, not included
  Direction direction = Direction::kBackwards;
  std::size_t limit = 50;
  bool recurse = false;  ///< also what relates to those, to the third degree
};

/// Events in the order asked for.
struct RelationPage {
  std::vector<StoredEventPtr> events;
  std::optional<std::int64_t> next;  ///< position to go on from; absent at the end
};

/// Relations between events of a room. Provided by events; what a reader may not see is left out.
///
/// spec: Client-Server API, "Forming relationships between events"; "Threading"
/// **Threads**: any.
class LARES_EXPORT Relations {
 public:
  static constexpr std::string_view kServiceId = "lares.relations/1";
  virtual ~Relations();

  /// The events that relate to `parent`.
  virtual Task<RelationPage> children(RoomView& view, StoredEventPtr parent, RelationQuery query) = 0;
  /// The roots of a room's threads, by their newest event, newest first. `from` is the position of the newest
  /// event of the thread that the page goes on after. `participated`: only threads that the reader has
  /// written into.
  virtual Task<RelationPage> threads(RoomView& view, std::optional<std::int64_t> from, std::size_t limit,
                                     bool participated) = 0;
};

}  // namespace lares::service
