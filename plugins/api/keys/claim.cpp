// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/identifiers.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "common.hpp"
#include "device_keys.hpp"

namespace lares::keys {

using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

constexpr std::size_t kMostClaims = 10'000;

struct Wanted {
  std::int64_t user = 0;
  std::string user_id;
  std::string device_id;
  std::string algorithm;
};

/// POST /keys/claim: a one-time key of each device, which nobody else gets.
///
/// spec: Client-Server API, "Claiming one-time keys"
Task<Response> post(Shared& shared, Request& request) {
  const json& body = request.json();
  const json& users = required_object(body, "one_time_keys");
  if (users.size() > kMostUsers) {
    throw http::too_large("Keys of more than 5000 users in one request.");
  }
  json failures = json::object();
  std::vector<Wanted> wanted;
  for (const auto& [user_id, devices] : users.items()) {
    if (!matrix::UserId::valid(user_id)) {
      throw http::invalid_param("'one_time_keys' has a key that is no user id.");
    }
    if (!is_object_of_strings(devices)) {
      throw http::bad_json("What is wanted of a user is no object of algorithms by device.");
    }
    if (!is_local(shared, user_id)) {
      failures[std::string{matrix::server_part(user_id)}] = unreachable();
      continue;
    }
    const std::optional<std::int64_t> user = co_await shared.interner.lookup_user(user_id);
    if (!user) {
      continue;
    }
    for (const auto& [device_id, algorithm] : devices.items()) {
      if (wanted.size() == kMostClaims) {
        throw http::too_large("More than 10000 keys in one request.");
      }
      wanted.push_back({*user, user_id, device_id, algorithm.get<std::string>()});
    }
  }
  // One order for all, so that two claims do not wait for each other.
  std::ranges::sort(wanted, {}, [](const Wanted& one) { return std::tie(one.user, one.device_id); });

  struct Result {
    std::vector<std::optional<PreKey>> keys;
    std::map<std::string, std::int64_t> positions;
  };
  const std::int64_t now = shared.server.runtime().now_ms();
  request.shield_from_cancellation();
  const Result result = co_await shared.database.write("claim_keys", [&](storage::WriteTransaction& tx) {
    Result claimed;
    for (const Wanted& one : wanted) {
      claimed.keys.push_back(claim(tx, one.user, one.device_id, one.algorithm, now));
      if (claimed.keys.back()) {
        claimed.positions.try_emplace(one.user_id, 0);
      }
    }
    for (auto& [user_id, position] : claimed.positions) {
      position = shared.counts.invalidate(tx, user_id, now);
    }
    return claimed;
  });
  for (const auto& [user_id, position] : result.positions) {
    shared.counts.committed(user_id, position);
  }
  json keys = json::object();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (const std::optional<PreKey>& key = result.keys[i]) {
      keys[wanted[i].user_id][wanted[i].device_id][key->algorithm + ":" + key->id] = parse_stored(key->json);
    }
  }
  co_return Response::json({{"failures", std::move(failures)}, {"one_time_keys", std::move(keys)}});
}

}  // namespace

void add_claim(Shared& shared) {
  shared.server.router().add<http::Access::Guest>(
      http::Method::Post, http::client_paths("/keys/claim"),
      {.name = "OneTimeKeyServlet", .spec = "Client-Server API, Claiming one-time keys"},
      [&shared](const Requester&, Request& request) { return post(shared, request); });
}

}  // namespace lares::keys
