// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/crypto/signed_json.hpp>
#include <lares/http/json_fields.hpp>
#include <lares/http/matrix_error.hpp>

#include <nlohmann/json.hpp>

#include <utility>
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

constexpr std::size_t kMostKeysAtOnce = 1'000;

void check_device_keys(const json& keys, const Requester& requester) {
  if (http::required_string(keys, "user_id") != requester.user().view() ||
      http::required_string(keys, "device_id") != *requester.device_id()) {
    throw http::invalid_param("'device_keys' is of another user or device than the one that uploads it.");
  }
  if (!keys.value("algorithms", json()).is_array()) {
    throw http::bad_json("The algorithms of 'device_keys' are no list.");
  }
  if (!is_object_of_strings(keys.value("keys", json()))) {
    throw http::bad_json("The keys of 'device_keys' are no object of strings.");
  }
  if (!keys.contains("signatures") || !has_good_signatures(keys)) {
    throw http::bad_json("The signatures of 'device_keys' are no strings by user and key.");
  }
}

// `one_time_keys` or `fallback_keys`.
std::vector<PreKey> pre_keys(const json* object) {
  std::vector<PreKey> keys;
  if (object == nullptr) {
    return keys;
  }
  if (object->size() > kMostKeysAtOnce) {
    throw http::too_large("More than 1000 keys in one request.");
  }
  for (const auto& [name, value] : object->items()) {
    const std::size_t colon = name.find(':');
    if (colon == std::string::npos || colon == 0 || name.size() > kLongestName) {
      throw http::invalid_param("A key is not named by algorithm and id: " + name.substr(0, 64));
    }
    if (!value.is_string() && !(value.is_object() && value.contains("key") && value["key"].is_string() &&
                                has_good_signatures(value))) {
      throw http::bad_json("A key is neither a string nor an object with 'key' and 'signatures'.");
    }
    keys.push_back({.algorithm = name.substr(0, colon), .id = name.substr(colon + 1), .json = value.dump()});
    if (keys.back().json.size() > kLargestKey) {
      throw http::too_large("A key has 64 KiB at most.");
    }
  }
  return keys;
}

// But for their signatures.
bool is_same_key(const std::string& a, const std::string& b) {
  if (a == b) {
    return true;
  }
  const auto bytes_of_a = crypto::signable_bytes(a);
  const auto bytes_of_b = crypto::signable_bytes(b);
  return bytes_of_a && bytes_of_b && *bytes_of_a == *bytes_of_b;
}

/// POST /keys/upload. spec: Client-Server API, "Uploading keys"
Task<Response> post(Shared& shared, const Requester& requester, Request& request) {
  if (!requester.device_id()) {
    throw http::unknown("Keys are a device's, and this access token is of none.");
  }
  const json& body = request.json();
  const json* keys = optional_object(body, "device_keys");
  std::string keys_text;
  if (keys != nullptr && !keys->empty()) {
    check_device_keys(*keys, requester);
    json stored = *keys;
    stored.erase("unsigned");
    keys_text = stored.dump();
    if (keys_text.size() > kLargestKey) {
      throw http::too_large("The keys of a device have 64 KiB at most.");
    }
  }
  const std::vector<PreKey> one_time = pre_keys(optional_object(body, "one_time_keys"));
  const json* fallback_object = optional_object(body, "fallback_keys");
  if (fallback_object == nullptr) {
    fallback_object = optional_object(body, "org.matrix.msc2732.fallback_keys");
  }
  const std::vector<PreKey> fallback = pre_keys(fallback_object);

  const std::int64_t user = requester.account().user_number;
  const std::string user_id = requester.user().str();
  const std::string device_id = *requester.device_id();
  const std::int64_t now = shared.server.runtime().now_ms();
  struct Result {
    bool changed = false;
    Left left;
    std::int64_t position = 0;
  };
  request.shield_from_cancellation();
  const Result result = co_await shared.database.write("upload_keys", [&](storage::WriteTransaction& tx) {
    Result written;
    // Or the keys of a device that is being deleted would be there for ever.
    const bool any = !keys_text.empty() || !one_time.empty() || !fallback.empty();
    if (any && !shared.devices.hold(tx, user, device_id)) {
      throw http::unknown_token("This device is no longer there.");
    }
    if (!keys_text.empty()) {
      const std::optional<std::string> there = device_keys(tx, user, device_id);
      written.changed = put_device_keys(tx, user, device_id, keys_text);
      if (written.changed) {
        shared.lists.note(tx, user);
      }
      if (there && !is_same_key(*there, keys_text)) {
        // What was signed were other keys.
        const std::vector<std::string> devices{device_id};
        forget_signatures_of(tx, user, devices);
      }
    }
    if (!one_time.empty()) {
      add_one_time_keys(tx, user, device_id, one_time, now);
    }
    if (!fallback.empty()) {
      put_fallback_keys(tx, user, device_id, fallback);
    }
    written.left = left(tx, user, device_id);
    if (!one_time.empty() || !fallback.empty()) {
      written.position = shared.counts.invalidate(tx, user_id, now);
    }
    return written;
  });
  if (!one_time.empty() || !fallback.empty()) {
    shared.counts.committed(user_id, result.position);
  }
  if (result.changed) {
    co_await shared.lists.changed(user, user_id);
  }
  json counts = json::object();
  counts["signed_curve25519"] = 0;
  for (const auto& [algorithm, count] : result.left.one_time) {
    counts[algorithm] = count;
  }
  co_return Response::json({{"one_time_key_counts", std::move(counts)}});
}

}  // namespace

void add_upload(Shared& shared) {
  std::vector<std::string> paths = http::client_paths("/keys/upload");
  // How it was in the first drafts; clients of that age are still about.
  for (std::string& path : http::client_paths("/keys/upload/{deviceId}")) {
    paths.push_back(std::move(path));
  }
  shared.server.router().add<http::Access::Guest>(
      http::Method::Post, std::move(paths),
      {.name = "KeyUploadServlet", .spec = "Client-Server API, Uploading keys", .shard = "user"},
      [&shared](const Requester& requester, Request& request) { return post(shared, requester, request); });
}

}  // namespace lares::keys
