// SPDX-License-Identifier: Apache-2.0
#include "send.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/json/writer.hpp>
#include <lares/matrix/identifiers.hpp>
#include <lares/service/devices.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/service/rate_limiter.hpp>
#include <lares/storage/intern.hpp>

#include <cstddef>
#include <iterator>
#include <utility>

namespace lares::to_device {

using http::Request;
using http::Requester;
using http::Response;

Send::Send(Server& server, stream::StreamWriter<Change>& writer) : server_(server), writer_(writer) {
  server.router().add<http::Access::Guest>(
      http::Method::Put, http::client_paths("/sendToDevice/{eventType}/{txnId}"),
      {.name = "SendToDeviceRestServlet",
       .spec = "Client-Server API, Send-to-Device messaging",
       .shard = "user",
       .body_json = true,
       .body_limit = kLargestBody},
      [this](const Requester& requester, Request& request) { return put(requester, request); });
}

Task<Response> Send::put(const Requester& requester, Request& request) {
  const std::string& type = request.param("eventType");
  const std::string& txn_id = request.param("txnId");
  if (type.size() > kLongestName || txn_id.size() > kLongestName) {
    throw http::invalid_param("An event type and a transaction id have 255 bytes at most.");
  }
  if (type == "m.room_key_request") {
    server_.services().get<service::RateLimiter>().limiter("rc_key_requests").take(requester.user().view());
  }
  const json::Value messages = request.json_view()["messages"];
  if (!messages) {
    throw http::missing_param("'messages' is missing.");
  }
  if (!messages.is_object()) {
    throw http::bad_json("'messages' is not an object.");
  }
  Change change{.scope = service::transaction_scope(requester),
                .type = type,
                .txn_id = txn_id,
                .created_ts = server_.runtime().now_ms(),
                .messages = {}};
  const std::string head = "{\"content\":";
  std::string tail = ",\"sender\":";
  json::append_string(tail, requester.user().view());
  tail += ",\"type\":";
  json::append_string(tail, type);
  tail += '}';
  std::size_t names = 0;
  for (const json::Member& member : messages.members()) {
    const std::string user_id = member.key.decoded();
    if (!matrix::UserId::valid(user_id)) {
      throw http::invalid_param("'messages' has a key that is no user id.");
    }
    if (!member.value.is_object()) {
      throw http::bad_json("The messages of a user are an object with device ids as keys.");
    }
    const auto devices = member.value.members();
    names += 1 + static_cast<std::size_t>(std::ranges::distance(devices.begin(), devices.end()));
    if (names > kMostNames) {
      throw http::too_large("Messages for more than 20000 users and devices in one request.");
    }
    co_await add_user(change, user_id, member.value, head, tail);
  }
  if (!change.messages.empty()) {
    request.shield_from_cancellation();
    std::string key = requester.user().str();
    co_await writer_.write(std::move(key), std::move(change));
  }
  co_return Response::empty_object();
}

Task<void> Send::add_user(Change& change, const std::string& user_id, json::Value by_device,
                          const std::string& head, const std::string& tail) {
  for (const json::Member& member : by_device.members()) {
    if (!member.value.is_object()) {
      throw http::bad_json("A message is not an object.");
    }
    if (member.value.bytes().size() > kLargestContent) {
      throw http::too_large("The content of a message has 64 KiB at most.");
    }
  }
  if (matrix::server_part(user_id) != server_.name()) {
    log_.debug("A message for {} is dropped: this server does not talk to others.", user_id);
    co_return;
  }
  const std::optional<std::int64_t> user =
      co_await server_.services().get<storage::Interner>().lookup_user(user_id);
  if (!user) {
    log_.debug("A message for {} is dropped: there is no such user.", user_id);
    co_return;
  }
  const std::vector<service::DeviceName> devices =
      co_await server_.services().get<service::Devices>().devices(*user);
  const json::Value for_all = by_device["*"];
  for (const service::DeviceName& device : devices) {
    json::Value content = by_device[device.device_id];
    if (!content) {
      content = for_all;
    }
    if (!content) {
      continue;
    }
    if (change.messages.size() == kMostMessages) {
      throw http::too_large("Messages for more than 5000 devices in one request.");
    }
    Message& message = change.messages.emplace_back();
    message.user = *user;
    message.user_id = user_id;
    message.device_id = device.device_id;
    message.json.reserve(head.size() + content.bytes().size() + tail.size());
    message.json.append(head).append(content.bytes()).append(tail);
  }
}

}  // namespace lares::to_device
