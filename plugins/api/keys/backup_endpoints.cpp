// SPDX-License-Identifier: Apache-2.0
#include <lares/base/strings.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/identifiers.hpp>

#include <nlohmann/json.hpp>

#include <memory>
#include <utility>
#include <vector>

#include "backup_body.hpp"
#include "backup_store.hpp"
#include "common.hpp"

namespace lares::keys {

using http::Access;
using http::Method;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

constexpr std::uint64_t kLargestBody = 32U << 20U;
// Keys of one request.
constexpr std::size_t kMostKeys = 50'000;

std::int64_t parse_version(const std::string& text) {
  const std::optional<std::int64_t> version = parse_int64(text);
  if (!version) {
    throw no_backup();
  }
  return *version;
}

std::int64_t version_of(const Request& request) {
  const std::optional<std::string> text = request.query("version");
  if (!text) {
    throw http::missing_param("'version' is missing.");
  }
  return parse_version(*text);
}

Part part_of(const Request& request, int names) {
  Part part;
  if (names >= 1) {
    part.room_id = request.param("roomId");
    if (!matrix::RoomId::valid(*part.room_id)) {
      throw http::invalid_param("This is no room id.");
    }
  }
  if (names >= 2) {
    part.session_id = request.param("sessionId");
  }
  return part;
}

json summary(const Backup& backup) {
  return {{"count", backup.sessions}, {"etag", std::to_string(backup.etag)}};
}

std::string auth_data_of(const json& body) {
  std::string text = required_object(body, "auth_data").dump();
  if (text.size() > kLargestKey) {
    throw http::too_large("'auth_data' has 64 KiB at most.");
  }
  return text;
}

std::string algorithm_of(const json& body) {
  const auto found = body.find("algorithm");
  if (found == body.end()) {
    throw http::missing_param("'algorithm' is missing.");
  }
  if (!found->is_string() || found->get_ref<const std::string&>().size() > kLongestName) {
    throw http::bad_json("'algorithm' is no string of 255 bytes at most.");
  }
  return found->get<std::string>();
}

/// POST /room_keys/version. spec: Client-Server API, "Server-side key backups"
Task<Response> post_version(Shared& shared, const Requester& requester, Request& request) {
  const std::string algorithm = algorithm_of(request.json());
  const std::string auth_data = auth_data_of(request.json());
  const std::int64_t user = requester.account().user_number;
  request.shield_from_cancellation();
  const std::int64_t version = co_await shared.database.write(
      "create_backup",
      [&](storage::WriteTransaction& tx) { return create_backup(tx, user, algorithm, auth_data); });
  co_return Response::json({{"version", std::to_string(version)}});
}

/// GET /room_keys/version, and of one version.
Task<Response> get_version(Shared& shared, const Requester& requester, std::optional<std::int64_t> version) {
  const std::int64_t user = requester.account().user_number;
  const std::optional<Backup> found = co_await shared.database.read(
      "backup", [user, version](storage::ReadTransaction& tx) { return backup(tx, user, version); });
  if (!found) {
    throw no_backup();
  }
  json answer = summary(*found);
  answer["version"] = std::to_string(found->version);
  answer["algorithm"] = found->algorithm;
  answer["auth_data"] = parse_stored(found->auth_data);
  co_return Response::json(answer);
}

/// PUT /room_keys/version/{version}: other signatures in `auth_data`.
Task<Response> put_version(Shared& shared, const Requester& requester, Request& request) {
  const std::string& name = request.param("version");
  const std::int64_t version = parse_version(name);
  const json& body = request.json();
  const std::string algorithm = algorithm_of(body);
  const std::string auth_data = auth_data_of(body);
  if (body.contains("version") && body["version"] != name) {
    throw http::invalid_param("The version in the body is not that of the path.");
  }
  const std::int64_t user = requester.account().user_number;
  request.shield_from_cancellation();
  co_await shared.database.write("set_auth_data", [&](storage::WriteTransaction& tx) {
    const std::optional<Backup> found = backup(tx, user, version);
    if (!found) {
      throw no_backup();
    }
    if (found->algorithm != algorithm) {
      throw http::invalid_param("The algorithm of a backup does not change.");
    }
    set_auth_data(tx, user, version, auth_data);
  });
  co_return Response::empty_object();
}

Task<Response> delete_version(Shared& shared, const Requester& requester, Request& request) {
  const std::int64_t version = parse_version(request.param("version"));
  const std::int64_t user = requester.account().user_number;
  request.shield_from_cancellation();
  const bool found = co_await shared.database.write(
      "delete_backup",
      [user, version](storage::WriteTransaction& tx) { return delete_backup(tx, user, version); });
  if (!found) {
    throw no_backup();
  }
  co_return Response::empty_object();
}

RoomKey parse_key(const std::string& room_id, const std::string& session_id, const json& value) {
  const auto whole = [](const json& number) { return number.is_number_integer() && number >= 0; };
  if (session_id.size() > kLongestName) {
    throw http::invalid_param("A session id has 255 bytes at most.");
  }
  if (!value.is_object() || !whole(value.value("first_message_index", json())) ||
      !whole(value.value("forwarded_count", json())) || !value.value("is_verified", json()).is_boolean() ||
      !value.value("session_data", json()).is_object()) {
    throw http::bad_json(
        "A key is an object with first_message_index, forwarded_count, is_verified and session_data.");
  }
  RoomKey key{.room_id = room_id,
              .session_id = session_id,
              .first_message_index = value["first_message_index"].get<std::int64_t>(),
              .forwarded_count = value["forwarded_count"].get<std::int64_t>(),
              .is_verified = value["is_verified"].get<bool>(),
              .session_data = value["session_data"].dump()};
  if (key.session_data.size() > kLargestKey) {
    throw http::too_large("The data of a session have 64 KiB at most.");
  }
  return key;
}

void add_keys(std::vector<RoomKey>& keys, const std::string& room_id, const json& sessions) {
  for (const auto& [session_id, value] : sessions.items()) {
    if (keys.size() == kMostKeys) {
      throw http::too_large("More than 50000 keys in one request.");
    }
    keys.push_back(parse_key(room_id, session_id, value));
  }
}

std::vector<RoomKey> keys_of(const Part& part, const json& body) {
  std::vector<RoomKey> keys;
  if (part.session_id) {
    keys.push_back(parse_key(*part.room_id, *part.session_id, body));
  } else if (part.room_id) {
    add_keys(keys, *part.room_id, required_object(body, "sessions"));
  } else {
    for (const auto& [room_id, room] : required_object(body, "rooms").items()) {
      if (!matrix::RoomId::valid(room_id)) {
        throw http::invalid_param("'rooms' has a key that is no room id.");
      }
      if (!room.is_object()) {
        throw http::bad_json("A room is no object.");
      }
      add_keys(keys, room_id, required_object(room, "sessions"));
    }
  }
  return keys;
}

/// PUT of all, of a room's or of one key: into the newest backup alone.
Task<Response> put_keys(Shared& shared, const Requester& requester, Request& request, Part part) {
  const std::int64_t version = version_of(request);
  const std::vector<RoomKey> keys = keys_of(part, request.json());
  const std::int64_t user = requester.account().user_number;
  request.shield_from_cancellation();
  const Backup after = co_await shared.database.write("put_room_keys", [&](storage::WriteTransaction& tx) {
    const std::optional<Backup> result = put_room_keys(tx, user, version, keys);
    if (!result) {
      const std::optional<Backup> newest = backup(tx, user, std::nullopt);
      if (!newest) {
        throw no_backup();
      }
      throw http::MatrixError(403, "M_WRONG_ROOM_KEYS_VERSION", "This is not the newest backup.")
          .with("current_version", "\"" + std::to_string(newest->version) + "\"");
    }
    return *result;
  });
  co_return Response::json(summary(after));
}

/// GET of one key.
Task<Response> get_key(Shared& shared, const Requester& requester, std::int64_t version, Part part) {
  const std::int64_t user = requester.account().user_number;
  const std::vector<RoomKey> keys =
      co_await shared.database.read("room_key", [&part, version, user](storage::ReadTransaction& tx) {
        if (!backup(tx, user, version)) {
          throw no_backup();
        }
        return room_keys(tx, user, version, part, {}, 1);
      });
  if (keys.empty()) {
    throw http::not_found("There is no key of this session.");
  }
  std::string text;
  append_key(text, keys.front());
  co_return Response::json_text(std::move(text));
}

/// GET of all, of a room's or of one key.
Task<Response> get_keys(Shared& shared, const Requester& requester, Request& request, Part part) {
  const std::int64_t version = version_of(request);
  if (part.session_id) {
    co_return co_await get_key(shared, requester, version, std::move(part));
  }
  auto body = std::make_unique<BackupBody>(shared.database, requester.account().user_number, version,
                                           std::move(part));
  co_await body->next();
  if (body->ended()) {
    co_return Response::json_text(std::move(*body).take());
  }
  Response response;
  response.source = std::move(body);
  co_return response;
}

/// DELETE of all, of a room's or of one key.
Task<Response> delete_keys(Shared& shared, const Requester& requester, Request& request, Part part) {
  const std::int64_t version = version_of(request);
  const std::int64_t user = requester.account().user_number;
  request.shield_from_cancellation();
  const std::optional<Backup> after = co_await shared.database.write(
      "delete_room_keys",
      [&](storage::WriteTransaction& tx) { return delete_room_keys(tx, user, version, part); });
  if (!after) {
    throw no_backup();
  }
  co_return Response::json(summary(*after));
}

void add_versions(Shared& shared) {
  http::Router& router = shared.server.router();
  const auto one = [](std::string_view path) { return http::client_paths(path, {"v3", "r0", "unstable"}); };
  router.add<Access::User>(Method::Post, one("/room_keys/version"),
                           {.name = "RoomKeysNewVersionServlet", .shard = "user"},
                           [&shared](const Requester& requester, Request& request) {
                             return post_version(shared, requester, request);
                           });
  router.add<Access::User>(Method::Get, one("/room_keys/version"),
                           {.name = "RoomKeysNewVersionServlet", .shard = "user"},
                           [&shared](const Requester& requester, Request&) {
                             return get_version(shared, requester, std::nullopt);
                           });
  router.add<Access::User>(Method::Get, one("/room_keys/version/{version}"),
                           {.name = "RoomKeysVersionServlet", .shard = "user"},
                           [&shared](const Requester& requester, Request& request) {
                             return get_version(shared, requester, parse_version(request.param("version")));
                           });
  router.add<Access::User>(Method::Put, one("/room_keys/version/{version}"),
                           {.name = "RoomKeysVersionServlet", .shard = "user"},
                           [&shared](const Requester& requester, Request& request) {
                             return put_version(shared, requester, request);
                           });
  router.add<Access::User>(Method::Delete, one("/room_keys/version/{version}"),
                           {.name = "RoomKeysVersionServlet", .shard = "user", .body_optional = true},
                           [&shared](const Requester& requester, Request& request) {
                             return delete_version(shared, requester, request);
                           });
}

}  // namespace

void add_backup(Shared& shared) {
  add_versions(shared);
  http::Router& router = shared.server.router();
  constexpr const char* kPaths[] = {"/room_keys/keys", "/room_keys/keys/{roomId}",
                                    "/room_keys/keys/{roomId}/{sessionId}"};
  for (int names = 0; names < 3; ++names) {
    const std::vector<std::string> paths = http::client_paths(kPaths[names], {"v3", "r0", "unstable"});
    router.add<Access::User>(Method::Put, paths,
                             {.name = "RoomKeysServlet", .shard = "user", .body_limit = kLargestBody},
                             [&shared, names](const Requester& requester, Request& request) {
                               return put_keys(shared, requester, request, part_of(request, names));
                             });
    router.add<Access::User>(Method::Get, paths, {.name = "RoomKeysServlet", .shard = "user"},
                             [&shared, names](const Requester& requester, Request& request) {
                               return get_keys(shared, requester, request, part_of(request, names));
                             });
    router.add<Access::User>(Method::Delete, paths,
                             {.name = "RoomKeysServlet", .shard = "user", .body_optional = true},
                             [&shared, names](const Requester& requester, Request& request) {
                               return delete_keys(shared, requester, request, part_of(request, names));
                             });
  }
}

}  // namespace lares::keys
