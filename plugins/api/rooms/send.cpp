// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/json/writer.hpp>
#include <lares/service/rate_limiter.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "endpoints.hpp"

namespace lares::rooms {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using service::NewEvent;
using service::TransactionKey;

namespace {

constexpr std::size_t kLongestTransactionId = 255;
constexpr std::size_t kMostAliases = 100;

Response event_id_answer(const service::WriteResult& written) {
  std::string body;
  json::Writer writer{body};
  writer.begin_object().key("event_id").value(written.events.front().view()).end_object();
  return Response::json_text(std::move(body));
}

TransactionKey transaction_of(const Requester& requester, const Request& request) {
  const std::string& id = request.param("txnId");
  if (id.size() > kLongestTransactionId) {
    throw http::invalid_param("A transaction id is at most 255 bytes long.");
  }
  if (id.contains(TransactionKey::kOtherEndpoint)) {
    throw http::invalid_param("A transaction id has no NUL.");
  }
  return {.scope = service::transaction_scope(requester), .id = id};
}

// A request that is repeated was allowed the first time: modules are not asked again about what is there.
Task<void> ask_modules(Shared& shared, const Requester& requester, const matrix::RoomId& room,
                       const NewEvent& event, const TransactionKey* transaction) {
  if (!shared.spam.asks(service::SpamChecker::Hook::Event)) {
    co_return;
  }
  // Who joins, knocks or declines an invitation is not in the room.
  if (event.type == "m.room.member" && event.state_key == requester.user().str()) {
    co_await ask_about_event(shared, room, event);
    co_return;
  }
  const std::unique_ptr<service::RoomView> view = co_await shared.rooms.view(requester, room);
  if (transaction != nullptr &&
      co_await shared.rooms.has_transaction(view->room(), transaction->scope, transaction->id)) {
    co_return;
  }
  co_await ask_about_event(shared, room, event);
}

bool redactions_are_apart(const Config& config) {
  return config.is_set("rc_admin_redaction.per_second") || config.is_set("rc_admin_redaction.burst_count");
}

// The events that go through /send and /redact are counted here, since what a redaction counts as depends on
// whose event it is for: moderators may be let redact faster than users write.
Task<void> take_limit(Shared& shared, const Requester& requester, const NewEvent& event) {
  service::RateLimiter& limits = shared.server.services().get<service::RateLimiter>();
  bool of_others = false;
  if (event.redacts && redactions_are_apart(*shared.server.config())) {
    const service::StoredEventPtr target = co_await shared.rooms.event(*event.redacts);
    of_others = target && target->event->sender() != event.sender.view();
  }
  limits.limiter(of_others ? "rc_admin_redaction" : "rc_message").take(requester.user().view());
}

/// PUT /rooms/{roomId}/send/{eventType}/{txnId}
/// spec: Client-Server API, "Sending events to a room"
Task<Response> put_send(Shared& shared, const Requester& requester, Request& request) {
  matrix::RoomId room = room_id(request);
  if (!request.json_view().is_object()) {
    throw http::bad_json("The content of an event is an object.");
  }
  NewEvent event{.type = request.param("eventType"),
                 .state_key = {},
                 .sender = requester.user(),
                 .content = std::string{request.body()},
                 .redacts = {},
                 .origin_server_ts = 0};
  if (event.type == "m.room.redaction") {
    event.redacts = request.json_view()["redacts"].to_string();
  }
  TransactionKey transaction = transaction_of(requester, request);
  co_await take_limit(shared, requester, event);
  co_await ask_modules(shared, requester, room, event, &transaction);
  request.shield_from_cancellation();
  const service::WriteResult written =
      co_await write_one(shared, std::move(room), std::move(event), std::move(transaction));
  co_return event_id_answer(written);
}

// Who is suspended goes on taking back what is their own, and nothing of what others have sent.
// spec: Client-Server API, "Account suspension"
Task<void> refuse_suspended(Shared& shared, const Requester& requester, const std::string& target) {
  if (!requester.account().suspended) {
    co_return;
  }
  const service::StoredEventPtr event = co_await shared.rooms.event(target);
  if (!event || event->event->sender() != requester.user().view()) {
    throw http::MatrixError{403, "M_USER_SUSPENDED", "This account has been suspended and cannot do this."};
  }
}

/// PUT /rooms/{roomId}/redact/{eventId}/{txnId}. spec: Client-Server API, "Redactions"
Task<Response> put_redact(Shared& shared, const Requester& requester, Request& request) {
  matrix::RoomId room = room_id(request);
  nlohmann::json content = nlohmann::json::object();
  if (const std::optional<std::string> reason = optional_string(request.json(), "reason")) {
    content["reason"] = *reason;
  }
  const std::string& target = request.param("eventId");
  if (!matrix::EventId::parse(target)) {
    throw http::invalid_param("This is no event id.");
  }
  co_await refuse_suspended(shared, requester, target);
  NewEvent event{.type = "m.room.redaction",
                 .state_key = {},
                 .sender = requester.user(),
                 .content = content.dump(),
                 .redacts = target,
                 .origin_server_ts = 0};
  TransactionKey transaction = transaction_of(requester, request);
  transaction.id.insert(transaction.id.begin(), TransactionKey::kOtherEndpoint);
  co_await take_limit(shared, requester, event);
  co_await ask_modules(shared, requester, room, event, &transaction);
  request.shield_from_cancellation();
  const service::WriteResult written =
      co_await write_one(shared, std::move(room), std::move(event), std::move(transaction));
  co_return event_id_answer(written);
}

void note_alias(const json::Value& value, std::vector<std::string>& aliases) {
  const std::optional<std::string> alias = value.to_string();
  if (!alias || !matrix::RoomAlias::valid(*alias)) {
    throw http::invalid_param("A room's aliases are room aliases.");
  }
  aliases.push_back(*alias);
}

std::vector<std::string> aliases_in(const json::Value& content) {
  std::vector<std::string> aliases;
  if (const json::Value alias = content["alias"]; alias && !alias.is_null() && !alias.equals("")) {
    note_alias(alias, aliases);
  }
  if (const json::Value others = content["alt_aliases"]; others && !others.is_null()) {
    if (!others.is_array()) {
      throw http::invalid_param("'alt_aliases' is not a list of room aliases.");
    }
    for (const json::Value& alias : others.elements()) {
      note_alias(alias, aliases);
    }
  }
  if (aliases.size() > kMostAliases) {
    throw http::invalid_param("A room names at most 100 aliases.");
  }
  return aliases;
}

// An alias that a room takes on has to lead to it. spec: Client-Server API, "m.room.canonical_alias"
Task<void> require_aliases_lead_here(Shared& shared, const matrix::RoomId& room, json::Value content) {
  const std::vector<std::string> aliases = aliases_in(content);
  const matrix::EventPtr old = co_await shared.rooms.current_state(room, "m.room.canonical_alias", "");
  std::vector<std::string> known;
  if (old) {
    known.push_back(old->content()["alias"].to_string().value_or(""));
    for (const json::Value& alias : old->content()["alt_aliases"].elements()) {
      known.push_back(alias.to_string().value_or(""));
    }
  }
  for (const std::string& alias : aliases) {
    if (std::ranges::find(known, alias) != known.end()) {
      continue;
    }
    const std::optional<matrix::RoomId> target =
        co_await directory(shared).resolve(*matrix::RoomAlias::parse(alias));
    if (!target || *target != room) {
      throw http::MatrixError(400, "M_BAD_ALIAS", "The alias " + alias + " does not lead to this room.");
    }
  }
}

std::vector<std::string> creators_of(const matrix::Event& create) {
  std::vector<std::string> users{std::string{create.sender()}};
  for (const json::Value& user : create.content()["additional_creators"].elements()) {
    users.push_back(user.to_string().value_or(""));
  }
  return users;
}

// What no power in the room would allow is told apart from what the sender lacks the power for. A stranger
// learns nothing by it.
Task<void> refuse_nonsense(Shared& shared, const Requester& requester, matrix::RoomId room, std::string type,
                           json::Value content) {
  if (type != "m.room.create" && type != "m.room.power_levels") {
    co_return;
  }
  const std::optional<std::int64_t> number = co_await shared.rooms.number(room);
  const std::optional<service::Membership> membership =
      number ? co_await shared.rooms.membership(requester.account().user_number, *number) : std::nullopt;
  if (!membership || membership->membership != "join") {
    co_return;
  }
  if (type == "m.room.create") {
    throw http::invalid_param("A room is created once.");
  }
  const matrix::EventPtr create = co_await shared.rooms.current_state(room, "m.room.create", "");
  if (!create || !create->version().privileged_creators) {
    co_return;
  }
  for (const std::string& creator : creators_of(*create)) {
    if (content["users"].at(std::string_view{creator})) {
      throw http::bad_json("Creators of this room have all power, and power levels do not name them.");
    }
  }
}

/// PUT /rooms/{roomId}/state/{eventType}/{stateKey}
Task<Response> put_state(Shared& shared, const Requester& requester, Request& request,
                         std::string state_key) {
  matrix::RoomId room = room_id(request);
  if (!request.json_view().is_object()) {
    throw http::bad_json("The content of an event is an object.");
  }
  if (request.param("eventType") == "m.room.canonical_alias" && state_key.empty()) {
    co_await require_aliases_lead_here(shared, room, request.json_view());
  }
  if (state_key.empty()) {
    co_await refuse_nonsense(shared, requester, room, request.param("eventType"), request.json_view());
  }
  NewEvent event{.type = request.param("eventType"),
                 .state_key = std::move(state_key),
                 .sender = requester.user(),
                 .content = std::string{request.body()},
                 .redacts = {},
                 .origin_server_ts = 0};
  bool joins = false;
  if (event.type == "m.room.member") {
    joins = co_await admit_member_state(shared, requester, room, event);
  }
  co_await ask_modules(shared, requester, room, event, nullptr);
  request.shield_from_cancellation();
  const bool tombstone = event.type == "m.room.tombstone" && event.state_key->empty();
  const service::WriteResult written = joins
                                           ? co_await write_join(shared, requester, room, std::move(event))
                                           : co_await write_one(shared, room, std::move(event), std::nullopt);
  if (tombstone) {
    co_await follow_tombstone(shared, std::move(room));
  }
  co_return event_id_answer(written);
}

}  // namespace

void add_send(Shared& shared) {
  http::Router& router = shared.server.router();
  router.add<Access::Guest>(Method::Put, http::client_paths("/rooms/{roomId}/send/{eventType}/{txnId}"),
                            {.name = "RoomSendEventRestServlet", .shard = "roomId", .allow_suspended = false},
                            [&shared](const Requester& requester, Request& request) {
                              return put_send(shared, requester, request);
                            });
  router.add<Access::User>(Method::Put, http::client_paths("/rooms/{roomId}/redact/{eventId}/{txnId}"),
                           {.name = "RoomRedactEventRestServlet", .shard = "roomId"},
                           [&shared](const Requester& requester, Request& request) {
                             return put_redact(shared, requester, request);
                           });
  router.add<Access::User>(Method::Put, http::client_paths("/rooms/{roomId}/state/{eventType}/{stateKey}"),
                           {.name = "RoomStateEventRestServlet",
                            .rate_limit = "rc_message",
                            .shard = "roomId",
                            .allow_suspended = false},
                           [&shared](const Requester& requester, Request& request) {
                             return put_state(shared, requester, request, request.param("stateKey"));
                           });
  router.add<Access::User>(Method::Put, http::client_paths("/rooms/{roomId}/state/{eventType}"),
                           {.name = "RoomStateEventRestServlet",
                            .rate_limit = "rc_message",
                            .shard = "roomId",
                            .allow_suspended = false},
                           [&shared](const Requester& requester, Request& request) {
                             return put_state(shared, requester, request, "");
                           });
}

}  // namespace lares::rooms
