// SPDX-License-Identifier: Apache-2.0
#include "endpoints.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/transaction.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace lares::receipts {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using service::StoredEventPtr;

namespace {

constexpr std::string_view kFullyRead = "m.fully_read";
constexpr std::uint64_t kMostBody = 16'384;

struct Place {
  std::int64_t room = 0;
  matrix::RoomId room_id;
};

Task<Place> place_of(Shared& shared, const Requester& requester, const Request& request) {
  auto room = matrix::RoomId::parse(request.param("roomId"));
  if (!room) {
    throw http::invalid_param("This is no room id.");
  }
  const std::unique_ptr<service::RoomView> view = co_await shared.rooms.view(requester, *room);
  co_return Place{view->room(), std::move(*room)};
}

Task<StoredEventPtr> event_of(Shared& shared, std::int64_t room, std::string event_id) {
  StoredEventPtr event = co_await shared.rooms.event(std::move(event_id));
  if (!event || event->room != room) {
    throw http::not_found("There is no such event in this room.");
  }
  co_return event;
}

// The number of a thread's root, 0 for none and for the main timeline. A root belongs to its own thread as
// well as to the main timeline.
Task<std::int64_t> thread_root(Shared& shared, StoredEventPtr event, std::string thread) {
  if (thread.empty()) {
    co_return 0;
  }
  const json::Value relation = event->event->content()["m.relates_to"];
  const bool replies_in_thread = relation["rel_type"].equals("m.thread");
  if (thread == kMain) {
    if (event->thread != 0 || replies_in_thread) {
      throw http::invalid_param("The event is not in the main timeline.");
    }
    co_return 0;
  }
  if (event->event->event_id() == thread) {
    co_return event->number;
  }
  const bool named = replies_in_thread && relation["event_id"].equals(thread);
  const StoredEventPtr root = co_await shared.rooms.event(std::move(thread));
  if (!root || root->room != event->room || (!named && event->thread != root->number)) {
    throw http::invalid_param("The event is not in this thread.");
  }
  co_return root->number;
}

Task<void> put_receipt(Shared& shared, const Requester& requester, const Place& place, StoredEventPtr event,
                       bool is_private, std::string thread) {
  Receipt receipt{.room = place.room,
                  .room_id = place.room_id.str(),
                  .user = requester.account().user_number,
                  .user_id = requester.user().str(),
                  .is_private = is_private,
                  .thread = thread,
                  .thread_root = co_await thread_root(shared, event, std::move(thread)),
                  .event_id = std::string{event->event->event_id()},
                  .event_position = event->position,
                  .read_ts = shared.server.runtime().now_ms()};
  const bool behind = co_await shared.database.read(
      "receipt_stands", [&receipt](storage::ReadTransaction& tx) { return is_behind(tx, receipt); });
  if (!behind) {
    std::string key = receipt.room_id;
    co_await shared.writer.write(std::move(key), std::move(receipt));
  }
}

Task<void> put_fully_read(Shared& shared, const Requester& requester, const Place& place,
                          StoredEventPtr event) {
  auto& marker = shared.server.services().get<service::ReadMarker>();
  co_await marker.fully_read(requester, place.room_id, place.room, std::string{event->event->event_id()},
                             event->position);
}

/// POST /rooms/{roomId}/receipt/{receiptType}/{eventId}. spec: Client-Server API, "Receipts"
Task<Response> post_receipt(Shared& shared, const Requester& requester, Request& request) {
  const std::string& type = request.param("receiptType");
  if (type != kRead && type != kReadPrivate && type != kFullyRead) {
    throw http::invalid_param("A receipt is one of m.read, m.read.private and m.fully_read.");
  }
  std::string thread;
  if (const json::Value given = request.json_view()["thread_id"]) {
    thread = given.to_string().value_or("");
    if (thread.empty()) {
      throw http::invalid_param("'thread_id' is a string that is not empty.");
    }
    if (type == kFullyRead) {
      throw http::invalid_param("'thread_id' does not go with m.fully_read.");
    }
  }
  const Place place = co_await place_of(shared, requester, request);
  StoredEventPtr event = co_await event_of(shared, place.room, request.param("eventId"));
  request.shield_from_cancellation();
  if (type == kFullyRead) {
    co_await put_fully_read(shared, requester, place, std::move(event));
  } else {
    co_await put_receipt(shared, requester, place, std::move(event), type == kReadPrivate, std::move(thread));
  }
  co_return Response::empty_object();
}

std::optional<std::string> event_id_of(const json::Value body, std::string_view type) {
  const json::Value given = body[type];
  if (!given) {
    return std::nullopt;
  }
  std::optional<std::string> text = given.to_string();
  if (!text) {
    throw http::bad_json("'" + std::string{type} + "' is not a string.");
  }
  return text;
}

/// POST /rooms/{roomId}/read_markers. spec: Client-Server API, "Fully read markers"
Task<Response> post_read_markers(Shared& shared, const Requester& requester, Request& request) {
  const json::Value body = request.json_view();
  std::optional<std::string> fully_read = event_id_of(body, kFullyRead);
  std::optional<std::string> read = event_id_of(body, kRead);
  std::optional<std::string> read_private = event_id_of(body, kReadPrivate);
  const Place place = co_await place_of(shared, requester, request);
  // All are looked up before anything is written: a request that is wrong changes nothing.
  StoredEventPtr events[3];
  std::optional<std::string>* const given[3] = {&fully_read, &read, &read_private};
  for (std::size_t i = 0; i < 3; ++i) {
    if (*given[i]) {
      events[i] = co_await event_of(shared, place.room, std::move(**given[i]));
    }
  }
  request.shield_from_cancellation();
  if (events[0]) {
    co_await put_fully_read(shared, requester, place, events[0]);
  }
  if (events[1]) {
    co_await put_receipt(shared, requester, place, events[1], false, {});
  }
  if (events[2]) {
    co_await put_receipt(shared, requester, place, events[2], true, {});
  }
  co_return Response::empty_object();
}

}  // namespace

void add_endpoints(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::User>(
      Method::Post,
      http::client_paths("/rooms/{roomId}/receipt/{receiptType}/{eventId}", {"v3", "r0", "unstable"}),
      {.name = "ReceiptRestServlet",
       .spec = "Client-Server API, Receipts",
       .shard = "roomId",
       .body_optional = true,
       .body_limit = kMostBody},
      [&shared](const Requester& requester, Request& request) {
        return post_receipt(shared, requester, request);
      });
  router.add<Access::User>(Method::Post,
                           http::client_paths("/rooms/{roomId}/read_markers", {"v3", "r0", "unstable"}),
                           {.name = "ReadMarkerRestServlet",
                            .spec = "Client-Server API, Fully read markers",
                            .shard = "roomId",
                            .body_optional = true,
                            .body_limit = kMostBody},
                           [&shared](const Requester& requester, Request& request) {
                             return post_read_markers(shared, requester, request);
                           });
}

}  // namespace lares::receipts
