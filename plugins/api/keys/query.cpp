// SPDX-License-Identifier: Apache-2.0
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/identifiers.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <vector>

#include "common.hpp"
#include "cross_signing.hpp"
#include "device_keys.hpp"

namespace lares::keys {

using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

// Users read in one snapshot, which may not live long.
constexpr std::size_t kUsersAtOnce = 100;

struct Queried {
  std::int64_t user = 0;
  std::string user_id;
  std::vector<std::string> device_ids;  ///< empty for all
  std::map<std::string, std::string> devices;
  std::map<std::string, std::string> identity;
  std::vector<Signature> signatures;
};

struct Answer {
  json device_keys = json::object();
  json master_keys = json::object();
  json self_signing_keys = json::object();
  json user_signing_keys = json::object();
  json failures = json::object();
};

Task<std::vector<Queried>> queried_of(Shared& shared, const json& users, Answer& answer) {
  std::vector<Queried> queried;
  for (const auto& [user_id, devices] : users.items()) {
    if (!matrix::UserId::valid(user_id)) {
      throw http::invalid_param("'device_keys' has a key that is no user id.");
    }
    std::vector<std::string> device_ids = strings(devices, "The devices of a user");
    if (!is_local(shared, user_id)) {
      answer.failures[std::string{matrix::server_part(user_id)}] = unreachable();
      continue;
    }
    answer.device_keys[user_id] = json::object();
    if (const std::optional<std::int64_t> user = co_await shared.interner.lookup_user(user_id)) {
      queried.push_back({.user = *user,
                         .user_id = user_id,
                         .device_ids = std::move(device_ids),
                         .devices = {},
                         .identity = {},
                         .signatures = {}});
    }
  }
  co_return queried;
}

// The key with the signatures that were made of it since it was uploaded.
json with_signatures(const std::string& stored, const std::vector<Signature>& signatures,
                     std::string_view target, const std::map<std::int64_t, std::string>& signers) {
  json key = parse_stored(stored);
  for (const Signature& one : signatures) {
    if (one.target == target) {
      key["signatures"][signers.at(one.signer)][one.key_id] = one.signature;
    }
  }
  return key;
}

Task<void> add(Shared& shared, const Requester& requester, const Queried& queried, Answer& answer) {
  const std::map<std::int64_t, std::string> signers{
      {queried.user, queried.user_id}, {requester.account().user_number, requester.user().str()}};
  json& devices = answer.device_keys[queried.user_id];
  if (!queried.devices.empty()) {
    const std::vector<service::DeviceName> names = co_await shared.devices.devices(queried.user);
    for (const service::DeviceName& name : names) {
      const auto found = queried.devices.find(name.device_id);
      if (found == queried.devices.end() ||
          (!queried.device_ids.empty() &&
           std::ranges::find(queried.device_ids, name.device_id) == queried.device_ids.end())) {
        continue;
      }
      json keys = with_signatures(found->second, queried.signatures, name.device_id, signers);
      keys["unsigned"] = json::object();
      if (name.display_name) {
        keys["unsigned"]["device_display_name"] = *name.display_name;
      }
      devices[name.device_id] = std::move(keys);
    }
  }
  for (const auto& [usage, stored] : queried.identity) {
    const std::optional<std::string> public_key = public_key_of(parse_stored(stored));
    json key = with_signatures(stored, queried.signatures, public_key.value_or(""), signers);
    if (usage == kMaster) {
      answer.master_keys[queried.user_id] = std::move(key);
    } else if (usage == kSelfSigning) {
      answer.self_signing_keys[queried.user_id] = std::move(key);
    } else if (queried.user == requester.account().user_number) {
      // Whom one has verified is nobody else's business.
      answer.user_signing_keys[queried.user_id] = std::move(key);
    }
  }
}

/// POST /keys/query: the keys of users' devices, and of the users themselves.
///
/// spec: Client-Server API, "Retrieving and tracking keys", "Cross-signing"
Task<Response> post(Shared& shared, const Requester& requester, Request& request) {
  const json& body = request.json();
  const json& users = required_object(body, "device_keys");
  if (users.size() > kMostUsers) {
    throw http::too_large("Keys of more than 5000 users in one request.");
  }
  Answer answer;
  std::vector<Queried> queried = co_await queried_of(shared, users, answer);
  const std::int64_t me = requester.account().user_number;
  for (std::size_t first = 0; first < queried.size(); first += kUsersAtOnce) {
    const std::size_t end = std::min(first + kUsersAtOnce, queried.size());
    co_await shared.database.read("query_keys", [&queried, first, end, me](storage::ReadTransaction& tx) {
      for (std::size_t i = first; i < end; ++i) {
        Queried& one = queried[i];
        one.devices = all_device_keys(tx, one.user);
        one.identity = cross_signing_keys(tx, one.user);
        one.signatures = signatures_of(tx, one.user, one.user, me);
      }
    });
    for (std::size_t i = first; i < end; ++i) {
      co_await add(shared, requester, queried[i], answer);
    }
  }
  json response = {{"device_keys", std::move(answer.device_keys)}, {"failures", std::move(answer.failures)}};
  response["master_keys"] = std::move(answer.master_keys);
  response["self_signing_keys"] = std::move(answer.self_signing_keys);
  response["user_signing_keys"] = std::move(answer.user_signing_keys);
  co_return Response::json(response);
}

}  // namespace

void add_query(Shared& shared) {
  shared.server.router().add<http::Access::Guest>(
      http::Method::Post, http::client_paths("/keys/query"),
      {.name = "KeyQueryServlet", .spec = "Client-Server API, Retrieving and tracking keys"},
      [&shared](const Requester& requester, Request& request) { return post(shared, requester, request); });
}

}  // namespace lares::keys
