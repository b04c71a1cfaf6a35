// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/http/json_fields.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/json/writer.hpp>
#include <lares/matrix/filter.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <unordered_set>
#include <utility>
#include <variant>

#include "endpoints.hpp"

namespace lares::rooms {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using matrix::EventFilter;
using service::Direction;
using service::HistoryPage;
using service::HistoryPlace;
using service::RoomView;
using service::StoredEventPtr;

namespace {

constexpr std::int64_t kMostMessages = 1000;
constexpr std::int64_t kMostContext = 100;

/// A place in the room's history, or a sync token, which stands for the end of what it covers.
using Place = std::variant<HistoryPlace, stream::Token>;

std::optional<Place> place_of(const std::optional<std::string>& text) {
  if (!text || text->empty()) {
    return std::nullopt;
  }
  if (const std::optional<HistoryPlace> place = HistoryPlace::parse(*text)) {
    return *place;
  }
  auto token = stream::Token::parse(*text);
  if (!token) {
    throw http::invalid_param("This is no token of a room's history.");
  }
  return std::move(*token);
}

// What a token covers lies before its end, whichever way one goes from there.
Task<std::optional<HistoryPlace>> start_at(RoomView& view, std::optional<Place> from, Direction direction) {
  if (!from) {
    co_return std::nullopt;
  }
  if (const HistoryPlace* const place = std::get_if<HistoryPlace>(&*from)) {
    co_return *place;
  }
  HistoryPlace place = co_await view.place_at(std::move(std::get<stream::Token>(*from)));
  if (direction == Direction::kBackwards) {
    ++place.position;
  }
  co_return place;
}

std::optional<EventFilter> filter_of(const Request& request) {
  const std::optional<std::string> text = request.query("filter");
  if (!text || text->empty()) {
    return std::nullopt;
  }
  auto filter = EventFilter::parse(http::query_object(*text, "filter"));
  if (!filter) {
    throw http::bad_json(filter.error());
  }
  return std::move(*filter);
}

// Whose member events a client that loads them lazily needs to show these events.
Task<std::vector<StoredEventPtr>> members_of(RoomView& view, std::vector<StoredEventPtr> events) {
  std::unordered_set<std::string> senders;
  for (const StoredEventPtr& event : events) {
    senders.emplace(event->event->sender());
  }
  std::vector<StoredEventPtr> members;
  for (const std::string& sender : senders) {
    if (StoredEventPtr member = co_await view.state_event("m.room.member", sender)) {
      members.push_back(std::move(member));
    }
  }
  co_return members;
}

/// Pages by the size of their room, as dashboards know it.
metrics::Histogram& pages_of_size(Shared& shared, std::size_t members) {
  const std::string_view size = members <= 2     ? "direct_message_size"
                                : members < 100  ? "small"
                                : members < 1000 ? "substantial"
                                                 : "large";
  return shared.page_times.at({shared.server.name(), size});
}

/// GET /rooms/{roomId}/messages. spec: Client-Server API, "Getting events for a room"
Task<Response> get_messages(Shared& shared, const Requester& requester, Request& request) {
  const SteadyTime asked = shared.server.runtime().steady_now();
  const matrix::RoomId room = room_id(request);
  const std::string dir = request.query("dir").value_or("f");
  if (dir != "b" && dir != "f") {
    throw http::invalid_param("'dir' is b or f.");
  }
  const std::optional<EventFilter> filter = filter_of(request);
  const std::int64_t limit = std::min(request.query_integer("limit", 10, 0, INT64_MAX), kMostMessages);
  const Direction direction = dir == "b" ? Direction::kBackwards : Direction::kForwards;
  const std::optional<std::string> from_text = request.query("from");
  std::optional<Place> from = place_of(from_text);
  std::optional<Place> to = place_of(request.query("to"));
  const std::unique_ptr<RoomView> view = co_await shared.rooms.peek(requester, room);
  const std::optional<HistoryPlace> start = co_await start_at(*view, std::move(from), direction);
  const std::optional<HistoryPlace> end = co_await start_at(*view, std::move(to), Direction::kForwards);
  const HistoryPage page = co_await view->history(
      start, end, direction,
      std::min(static_cast<std::size_t>(limit), filter ? filter->limit(kMostMessages) : kMostMessages),
      filter ? &*filter : nullptr);
  std::string body;
  json::Writer writer{body};
  writer.begin_object().key("chunk").raw(events_array(*view, page.events));
  writer.key("start").value(start ? *from_text : page.start.text());
  if (page.end) {
    writer.key("end").value(page.end->text());
  }
  if (filter && filter->lazy_load_members()) {
    writer.key("state").raw(events_array(*view, co_await members_of(*view, page.events)));
  }
  writer.end_object();
  const std::optional<std::int64_t> number = co_await shared.interner.lookup_room(room.view());
  if (number) {
    const auto members = co_await shared.rooms.joined_users(*number);
    const auto took = std::chrono::duration<double>(shared.server.runtime().steady_now() - asked);
    pages_of_size(shared, members->size()).observe(took.count());
  }
  co_return Response::json_text(std::move(body));
}

/// GET /rooms/{roomId}/context/{eventId}. spec: Client-Server API, "Event context"
Task<Response> get_context(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomId room = room_id(request);
  const std::optional<EventFilter> filter = filter_of(request);
  const EventFilter* const wanted = filter ? &*filter : nullptr;
  const std::int64_t limit = std::min(request.query_integer("limit", 10, 0, INT64_MAX), kMostContext);
  const std::unique_ptr<RoomView> view = co_await shared.rooms.peek(requester, room);
  const StoredEventPtr event = co_await view->event(request.param("eventId"));
  if (!event) {
    throw http::not_found("Event not found.");
  }
  const HistoryPlace place{event->depth, event->position};
  HistoryPage before{.events = {}, .start = place, .end = place};
  HistoryPage after = before;
  if (const auto older = static_cast<std::size_t>(limit / 2); older != 0) {
    before = co_await view->history(place, std::nullopt, Direction::kBackwards, older, wanted);
  }
  if (const auto newer = static_cast<std::size_t>(limit - limit / 2); newer != 0) {
    after = co_await view->history(place, std::nullopt, Direction::kForwards, newer, wanted);
  }
  const auto place_after = [&place](const HistoryPage& page) {
    if (page.end) {
      return *page.end;
    }
    return page.events.empty() ? place
                               : HistoryPlace{page.events.back()->depth, page.events.back()->position};
  };
  const StoredEventPtr last = after.events.empty() ? event : after.events.back();
  std::vector<StoredEventPtr> state = co_await view->state_at(last);
  if (wanted != nullptr && wanted->lazy_load_members()) {
    std::unordered_set<std::string_view> senders{event->event->sender()};
    for (const std::vector<StoredEventPtr>* list : {&before.events, &after.events}) {
      for (const StoredEventPtr& entry : *list) {
        senders.insert(entry->event->sender());
      }
    }
    std::erase_if(state, [&senders](const StoredEventPtr& entry) {
      return entry->event->type() == "m.room.member" &&
             !senders.contains(entry->event->state_key().value_or(""));
    });
  }
  std::string body;
  json::Writer writer{body};
  std::string shown;
  view->append_client_event(shown, *event, false);
  writer.begin_object().key("event").raw(shown);
  writer.key("start").value(place_after(before).text()).key("end").value(place_after(after).text());
  writer.key("events_before").raw(events_array(*view, before.events));
  writer.key("events_after").raw(events_array(*view, after.events));
  writer.key("state").raw(events_array(*view, state));
  writer.end_object();
  co_return Response::json_text(std::move(body));
}

// Null for a stranger to the room.
Task<std::unique_ptr<RoomView>> view_if_any(Shared& shared, const Requester& requester, matrix::RoomId room) {
  try {
    co_return co_await shared.rooms.peek(requester, room);
  } catch (const http::MatrixError& refused) {
    if (refused.errcode() != "M_FORBIDDEN") {
      throw;
    }
  }
  co_return nullptr;
}

/// GET /rooms/{roomId}/event/{eventId}. What one may not read is not there.
Task<Response> get_event(Shared& shared, const Requester& requester, Request& request) {
  matrix::RoomId room = room_id(request);
  const std::unique_ptr<RoomView> view = co_await view_if_any(shared, requester, std::move(room));
  const StoredEventPtr event = view ? co_await view->event(request.param("eventId")) : nullptr;
  if (!event) {
    throw http::not_found("Event not found.");
  }
  std::string body;
  view->append_client_event(body, *event, false);
  co_return Response::json_text(std::move(body));
}

Task<StoredEventPtr> first_beyond(RoomView& view, HistoryPlace from, Direction direction) {
  HistoryPage page = co_await view.history(from, std::nullopt, direction, 1, nullptr);
  co_return page.events.empty() ? nullptr : std::move(page.events.front());
}

/// GET /rooms/{roomId}/timestamp_to_event. Times follow depth closely enough in a room of this server to find
/// the place by halving; among events of equal depth and around it, the order of history decides.
/// spec: Client-Server API, "Retrieving the closest event to a timestamp"
Task<Response> get_timestamp_to_event(Shared& shared, const Requester& requester, Request& request) {
  const matrix::RoomId room = room_id(request);
  if (!request.query("ts")) {
    throw http::missing_param("The parameter 'ts' is missing.");
  }
  const std::int64_t ts = request.query_integer("ts", 0, 0, INT64_MAX);
  const std::string dir = request.query("dir").value_or("f");
  if (dir != "b" && dir != "f") {
    throw http::invalid_param("'dir' is b or f.");
  }
  constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();
  const std::unique_ptr<RoomView> view = co_await shared.rooms.peek(requester, room);
  const StoredEventPtr newest =
      co_await first_beyond(*view, {matrix::kMaxDepth, kEnd}, Direction::kBackwards);
  // The least depth from which on events are at or after the time; `above` is beyond the last.
  std::int64_t below = 0;
  std::int64_t above = newest ? newest->depth + 1 : 1;
  while (below + 1 < above) {
    const std::int64_t middle = below + (above - below) / 2;
    const StoredEventPtr probe = co_await first_beyond(*view, {middle - 1, kEnd}, Direction::kForwards);
    if (probe &&
        (dir == "f" ? probe->event->origin_server_ts() < ts : probe->event->origin_server_ts() <= ts)) {
      below = std::max(middle, std::min(probe->depth, above - 1));
    } else {
      above = middle;
    }
  }
  const StoredEventPtr found = dir == "f"
                                   ? co_await first_beyond(*view, {above - 1, kEnd}, Direction::kForwards)
                                   : co_await first_beyond(*view, {above, 0}, Direction::kBackwards);
  if (!found ||
      (dir == "f" ? found->event->origin_server_ts() < ts : found->event->origin_server_ts() > ts)) {
    throw http::not_found("There is no event in this room in that direction from the time.");
  }
  std::string body;
  json::Writer writer{body};
  writer.begin_object().key("event_id").value(found->event->event_id());
  writer.key("origin_server_ts").value(found->event->origin_server_ts()).end_object();
  co_return Response::json_text(std::move(body));
}

}  // namespace

void add_history(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Guest>(Method::Get, http::client_paths("/rooms/{roomId}/messages"),
                            {.name = "RoomMessageListRestServlet", .shard = "roomId"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_messages(shared, requester, request);
                            });
  router.add<Access::Guest>(Method::Get, http::client_paths("/rooms/{roomId}/context/{eventId}"),
                            {.name = "RoomEventContextServlet", .shard = "roomId"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_context(shared, requester, request);
                            });
  router.add<Access::Guest>(Method::Get, http::client_paths("/rooms/{roomId}/event/{eventId}"),
                            {.name = "RoomEventServlet", .shard = "roomId"},
                            [&shared](const Requester& requester, Request& request) {
                              return get_event(shared, requester, request);
                            });
  router.add<Access::User>(Method::Get, http::client_paths("/rooms/{roomId}/timestamp_to_event", {"v1"}),
                           {.name = "TimestampLookupRestServlet", .shard = "roomId"},
                           [&shared](const Requester& requester, Request& request) {
                             return get_timestamp_to_event(shared, requester, request);
                           });
}

}  // namespace lares::rooms
