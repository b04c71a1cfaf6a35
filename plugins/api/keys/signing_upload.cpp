// SPDX-License-Identifier: Apache-2.0
#include <lares/crypto/ed25519.hpp>
#include <lares/crypto/signed_json.hpp>
#include <lares/http/json_fields.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/service/interactive_auth.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>

#include "common.hpp"
#include "cross_signing.hpp"

namespace lares::keys {

using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

struct Usage {
  const char* member;
  std::string_view name;
};

constexpr std::array<Usage, 3> kUsages{Usage{"master_key", kMaster}, Usage{"self_signing_key", kSelfSigning},
                                       Usage{"user_signing_key", kUserSigning}};

// The key as it is stored. **Errors**: MatrixError 400.
std::string checked(const json& key, std::string_view usage, const Requester& requester) {
  if (http::required_string(key, "user_id") != requester.user().view()) {
    throw http::invalid_param("A cross-signing key is of another user than the one that uploads it.");
  }
  const std::vector<std::string> usages = strings(key.value("usage", json()), "The usages of a key");
  if (std::ranges::find(usages, usage) == usages.end()) {
    throw http::invalid_param("A cross-signing key does not name its usage: " + std::string{usage});
  }
  if (!is_object_of_strings(key.value("keys", json()))) {
    throw http::bad_json("The keys of a key are no object of strings.");
  }
  const std::optional<std::string> public_key = public_key_of(key);
  if (!public_key || !crypto::parse_public_key(*public_key)) {
    throw http::invalid_param("A cross-signing key has not exactly one Ed25519 key, named by itself.");
  }
  if (!has_good_signatures(key)) {
    throw http::bad_json("The signatures of a key are no strings by user and key.");
  }
  json stored = key;
  stored.erase("unsigned");
  std::string text = stored.dump();
  if (text.size() > kLargestKey) {
    throw http::too_large("A key has 64 KiB at most.");
  }
  return text;
}

// That the master key stands behind the others.
void check_signed_by_master(const std::map<std::string, std::string>& keys,
                            const std::map<std::string, std::string>& there, const Requester& requester) {
  const auto given = keys.find(std::string{kMaster});
  const auto stored = there.find(std::string{kMaster});
  if (given == keys.end() && stored == there.end()) {
    throw http::invalid_param("There is no master key that could have signed the other keys.");
  }
  const std::string public_key =
      public_key_of(parse_stored(given != keys.end() ? given->second : stored->second)).value_or("");
  const std::optional<crypto::Ed25519PublicKey> master = crypto::parse_public_key(public_key);
  for (const auto& [usage, text] : keys) {
    if (usage != kMaster &&
        (!master || crypto::verify_json(text, requester.user().view(), "ed25519:" + public_key, *master) !=
                        crypto::SignatureCheck::kValid)) {
      throw http::MatrixError(400, "M_INVALID_SIGNATURE", "A key is not signed by the master key.");
    }
  }
}

// False, and nothing written, where the user's keys are others by now than those that the new ones were
// judged beside.
bool put(Shared& shared, storage::WriteTransaction& tx, std::int64_t user,
         const std::map<std::string, std::string>& keys, const std::map<std::string, std::string>& there) {
  if (cross_signing_keys(tx, user) != there) {
    return false;
  }
  for (const auto& [usage, key] : keys) {
    const auto former = there.find(usage);
    const std::optional<std::string> former_key =
        former == there.end() ? std::nullopt : public_key_of(parse_stored(former->second));
    // The same key with other signatures takes nothing away.
    const bool same = former_key && *former_key == public_key_of(parse_stored(key));
    put_cross_signing_key(tx, user, usage, key, same ? std::nullopt : former_key);
  }
  shared.lists.note(tx, user);
  return true;
}

/// POST /keys/device_signing/upload. Keys where there were none, and those that are there already, need no
/// further proof of who the user is; others in their place do.
///
/// spec: Client-Server API, "Cross-signing"
Task<Response> post(Shared& shared, const Requester& requester, Request& request) {
  std::map<std::string, std::string> given;
  for (const Usage& usage : kUsages) {
    if (const json* key = optional_object(request.json(), usage.member)) {
      given.emplace(usage.name, checked(*key, usage.name, requester));
    }
  }
  const std::int64_t user = requester.account().user_number;
  // Of two first uploads at the same time the later one is judged anew, beside the keys of the other.
  for (bool proven = false, written = false; !written;) {
    std::map<std::string, std::string> keys = given;
    const std::map<std::string, std::string> there = co_await shared.database.read(
        "cross_signing_keys", [user](storage::ReadTransaction& tx) { return cross_signing_keys(tx, user); });
    if (!keys.empty()) {
      check_signed_by_master(keys, there, requester);
    }
    std::erase_if(keys, [&there](const auto& key) {
      const auto found = there.find(key.first);
      return found != there.end() && found->second == key.second;
    });
    if (keys.empty()) {
      co_return Response::empty_object();
    }
    if (there.contains(std::string{kMaster}) && !proven) {
      auto* auth = shared.server.services().find<service::InteractiveAuth>();
      if (auth == nullptr) {
        throw http::unavailable("Nobody here can ask you who you are.");
      }
      std::optional<Response> ask = co_await auth->step(requester, request, "add cross-signing keys");
      if (ask) {
        co_return std::move(*ask);
      }
      proven = true;
    }
    request.shield_from_cancellation();
    written = co_await shared.database.write("put_cross_signing_keys", [&](storage::WriteTransaction& tx) {
      return put(shared, tx, user, keys, there);
    });
  }
  co_await shared.lists.changed(user, requester.user().str());
  co_return Response::empty_object();
}

}  // namespace

void add_signing_upload(Shared& shared) {
  std::vector<std::string> paths =
      http::client_paths("/keys/device_signing/upload", {"v3", "r0", "unstable"});
  shared.server.router().add<http::Access::User>(
      http::Method::Post, std::move(paths),
      {.name = "SigningKeyUploadServlet", .spec = "Client-Server API, Cross-signing", .shard = "user"},
      [&shared](const Requester& requester, Request& request) { return post(shared, requester, request); });
}

}  // namespace lares::keys
