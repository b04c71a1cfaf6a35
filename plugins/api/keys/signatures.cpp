// SPDX-License-Identifier: Apache-2.0
#include <lares/crypto/ed25519.hpp>
#include <lares/crypto/signed_json.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/matrix/identifiers.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <utility>
#include <vector>

#include "common.hpp"
#include "cross_signing.hpp"
#include "device_keys.hpp"

namespace lares::keys {

using http::MatrixError;
using http::Request;
using http::Requester;
using http::Response;
using nlohmann::json;

namespace {

constexpr std::size_t kMostSignatures = 1'000;

/// The keys of one user as they are stored.
struct Known {
  std::map<std::string, std::string> devices;
  std::map<std::string, std::string> identity;

  [[nodiscard]] std::optional<std::string> public_key(std::string_view usage) const {
    const auto found = identity.find(std::string{usage});
    return found == identity.end() ? std::nullopt : public_key_of(parse_stored(found->second));
  }
};

Task<Known> known_of(Shared& shared, std::int64_t user) {
  co_return co_await shared.database.read("keys_to_sign", [user](storage::ReadTransaction& tx) {
    return Known{.devices = all_device_keys(tx, user), .identity = cross_signing_keys(tx, user)};
  });
}

MatrixError bad_signature(std::string_view message) {
  return {400, "M_INVALID_SIGNATURE", message};
}

// What was signed must be what is stored: else a signature would be shown over something else.
void check_same(const json& given, const std::string& stored) {
  const auto a = crypto::signable_bytes(given.dump());
  const auto b = crypto::signable_bytes(stored);
  if (!a || !b || *a != *b) {
    throw http::invalid_param("What is signed is not the key as it was uploaded.");
  }
}

// **Errors**: MatrixError M_INVALID_SIGNATURE.
Signature verified(const json& object, const Requester& signer, const std::string& key_id,
                   const std::string& public_key, std::int64_t account, const std::string& target) {
  const std::optional<std::string> text = signature_of(object, signer.user().view(), key_id);
  if (!text) {
    throw bad_signature("The signature with " + key_id + " is missing.");
  }
  const std::optional<crypto::Ed25519PublicKey> key = crypto::parse_public_key(public_key);
  if (!key || crypto::verify_json(object.dump(), signer.user().view(), key_id, *key) !=
                  crypto::SignatureCheck::kValid) {
    throw bad_signature("The signature with " + key_id + " is wrong.");
  }
  return {.account = account,
          .target = target,
          .signer = signer.account().user_number,
          .key_id = key_id,
          .signature = *text};
}

// One's own device, signed by one's self-signing key.
Signature device_signature(const json& object, const std::string& device_id, const Known& own,
                           const Requester& requester) {
  const auto device = own.devices.find(device_id);
  if (device == own.devices.end()) {
    throw http::not_found("You have no device and no master key of this name.");
  }
  check_same(object, device->second);
  const std::optional<std::string> self_signing = own.public_key(kSelfSigning);
  if (!self_signing) {
    throw http::not_found("You have no self-signing key.");
  }
  return verified(object, requester, "ed25519:" + *self_signing, *self_signing,
                  requester.account().user_number, device_id);
}

// One's own master key, signed by one's devices.
std::vector<Signature> master_signatures(const json& object, const std::string& master, const Known& own,
                                         const Requester& requester) {
  const std::string& stored = own.identity.at(std::string{kMaster});
  check_same(object, stored);
  std::vector<Signature> signatures;
  const json by_user = object.value("signatures", json::object());
  const json mine =
      by_user.is_object() ? by_user.value(requester.user().str(), json::object()) : json::object();
  if (!mine.is_object()) {
    throw http::bad_json("The signatures of a key are no strings by user and key.");
  }
  for (const auto& [key_id, signature] : mine.items()) {
    if (signature_of(parse_stored(stored), requester.user().view(), key_id)) {
      continue;  // stands there already
    }
    constexpr std::string_view kAlgorithm = "ed25519:";
    const std::string device_id = key_id.starts_with(kAlgorithm) ? key_id.substr(kAlgorithm.size()) : "";
    const auto device = own.devices.find(device_id);
    if (device == own.devices.end()) {
      throw bad_signature("The master key is signed with a key that is none of your devices'.");
    }
    const json keys = parse_stored(device->second).value("keys", json::object());
    signatures.push_back(verified(object, requester, key_id, keys.value(key_id, std::string{}),
                                  requester.account().user_number, master));
  }
  return signatures;
}

// Another user's master key, signed by one's user-signing key.
Signature user_signature(const json& object, const std::string& target, std::int64_t other,
                         const Known& theirs, const Known& own, const Requester& requester) {
  if (theirs.public_key(kMaster) != target) {
    throw http::not_found("This is not the user's master key.");
  }
  check_same(object, theirs.identity.at(std::string{kMaster}));
  const std::optional<std::string> user_signing = own.public_key(kUserSigning);
  if (!user_signing) {
    throw http::not_found("You have no user-signing key.");
  }
  return verified(object, requester, "ed25519:" + *user_signing, *user_signing, other, target);
}

/// What came of a request.
struct Outcome {
  std::vector<Signature> signatures;
  std::vector<std::string> others;  ///< whom the requester signed
  bool own = false;
  json failures = json::object();
};

void take(const std::string& user_id, std::int64_t user, const json& objects, const Known& known,
          const Known& own, const Requester& requester, Outcome& outcome) {
  const bool is_own = user == requester.account().user_number;
  for (const auto& [target, object] : objects.items()) {
    try {
      if (!object.is_object() || !has_good_signatures(object)) {
        throw http::bad_json("This is no object with signatures.");
      }
      if (is_own && own.public_key(kMaster) == target) {
        const std::vector<Signature> signatures = master_signatures(object, target, own, requester);
        outcome.signatures.insert(outcome.signatures.end(), signatures.begin(), signatures.end());
        outcome.own = outcome.own || !signatures.empty();
      } else if (is_own) {
        outcome.signatures.push_back(device_signature(object, target, own, requester));
        outcome.own = true;
      } else {
        outcome.signatures.push_back(user_signature(object, target, user, known, own, requester));
        outcome.others.push_back(user_id);
      }
    } catch (const MatrixError& error) {
      outcome.failures[user_id][target] = {
          {"status", error.status()}, {"errcode", error.errcode()}, {"error", error.what()}};
    }
  }
}

/// POST /keys/signatures/upload. One bad signature spoils no other.
///
/// spec: Client-Server API, "Cross-signing"
Task<Response> post(Shared& shared, const Requester& requester, Request& request) {
  const json& body = request.json();
  std::size_t count = 0;
  for (const auto& [user_id, objects] : body.items()) {
    if (!objects.is_object()) {
      throw http::bad_json("What is signed of a user is no object.");
    }
    count += objects.size();
  }
  if (count > kMostSignatures) {
    throw http::too_large("More than 1000 signatures in one request.");
  }
  const std::int64_t me = requester.account().user_number;
  const Known own = co_await known_of(shared, me);
  Outcome outcome;
  for (const auto& [user_id, objects] : body.items()) {
    const std::optional<std::int64_t> user =
        matrix::UserId::valid(user_id) ? co_await shared.interner.lookup_user(user_id) : std::nullopt;
    Known known;
    if (user) {
      known = co_await known_of(shared, *user);
    }
    take(user_id, user.value_or(0), objects, known, own, requester, outcome);
  }
  if (!outcome.signatures.empty()) {
    request.shield_from_cancellation();
    co_await shared.database.write("add_signatures", [&](storage::WriteTransaction& tx) {
      add_signatures_of_keys(tx, outcome.signatures);
      if (outcome.own) {
        shared.lists.note(tx, me);
      }
    });
    if (outcome.own) {
      co_await shared.lists.changed(me, requester.user().str());
    }
    co_await shared.lists.signed_others(me, requester.user().str(), std::move(outcome.others));
  }
  co_return Response::json({{"failures", std::move(outcome.failures)}});
}

}  // namespace

void add_signatures(Shared& shared) {
  shared.server.router().add<http::Access::User>(
      http::Method::Post, http::client_paths("/keys/signatures/upload", {"v3", "r0", "unstable"}),
      {.name = "SignaturesUploadServlet", .spec = "Client-Server API, Cross-signing", .shard = "user"},
      [&shared](const Requester& requester, Request& request) { return post(shared, requester, request); });
}

}  // namespace lares::keys
