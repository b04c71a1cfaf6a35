// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <lares/crypto/base64.hpp>
#include <lares/matrix/event_signatures.hpp>

#include <algorithm>

namespace lares::matrix {

namespace {

void add(std::vector<RequiredSigner>& signers, std::string_view server, RequiredSigner::Why why) {
  const bool known = std::any_of(signers.begin(), signers.end(),
                                 [&](const RequiredSigner& signer) { return signer.server == server; });
  if (!known) {
    signers.push_back({std::string{server}, why});
  }
}

/// An invite that carries `third_party_invite` is made by the server of whoever was invited, in the inviter's
/// name.
[[nodiscard]] bool is_third_party_invite(const Event& event) noexcept {
  return event.type() == "m.room.member" && event.content()["membership"].equals("invite") &&
         static_cast<bool>(event.content()["third_party_invite"]);
}

[[nodiscard]] std::int64_t valid_at(const Event& event) noexcept {
  return event.version().enforce_key_validity ? event.origin_server_ts() : 0;
}

std::expected<void, SignatureFailure> verify_one(const Event& event, const RequiredSigner& signer,
                                                 std::string_view message, const KeyLookup& keys) {
  const auto failure = [&](SignatureFailureCode code) {
    return std::unexpected(SignatureFailure{code, signer.server, signer.why});
  };
  const json::Value signatures = event.signatures()[signer.server];
  bool any_signature = false;
  bool any_expired = false;
  bool any_valid = false;
  std::string scratch;
  for (const json::Member& member : signatures.members()) {
    const std::string_view key_id = member.key.text(scratch);
    if (!key_id.starts_with("ed25519:")) {
      continue;
    }
    any_signature = true;
    const auto known = keys.find(signer.server, key_id);
    if (!known) {
      continue;
    }
    if (known->valid_until_ts < valid_at(event)) {
      any_expired = true;
      continue;
    }
    crypto::Ed25519Signature signature{};
    const auto text = member.value.as_plain_string();
    if (!text || !crypto::base64_decode_to(signature, *text) ||
        !crypto::verify_ed25519(known->key, message, signature)) {
      return failure(SignatureFailureCode::kWrong);
    }
    any_valid = true;
  }
  if (any_valid) {
    return {};
  }
  if (!any_signature) {
    return failure(SignatureFailureCode::kNoSignature);
  }
  return failure(any_expired ? SignatureFailureCode::kKeyExpired : SignatureFailureCode::kUnknownKey);
}

}  // namespace

KeyLookup::~KeyLookup() = default;

std::vector<RequiredSigner> required_signers(const Event& event) {
  std::vector<RequiredSigner> signers;
  const RoomVersion& version = event.version();
  if (!is_third_party_invite(event)) {
    add(signers, event.sender_server(), RequiredSigner::Why::kSender);
  }
  if (version.has_event_id_field()) {
    add(signers, server_part(event.event_id()), RequiredSigner::Why::kEventId);
  }
  if (version.restricted_join && event.type() == "m.room.member") {
    if (const json::Value user = event.content()["join_authorised_via_users_server"]) {
      const auto id = user.to_string();
      add(signers, id && UserId::valid(*id) ? server_part(*id) : std::string_view{},
          RequiredSigner::Why::kAuthorisingUser);
    }
  }
  return signers;
}

std::vector<KeyRequest> keys_needed(const Event& event) {
  std::vector<KeyRequest> requests;
  std::string scratch;
  for (const RequiredSigner& signer : required_signers(event)) {
    for (const json::Member& member : event.signatures()[signer.server].members()) {
      const std::string_view key_id = member.key.text(scratch);
      if (key_id.starts_with("ed25519:")) {
        requests.push_back({signer.server, std::string{key_id}, valid_at(event)});
      }
    }
  }
  return requests;
}

std::string describe(const SignatureFailure& failure) {
  switch (failure.code) {
    case SignatureFailureCode::kNoSignature:
      return fmt::format("{} has not signed the event", failure.server);
    case SignatureFailureCode::kUnknownKey:
      return fmt::format("no key is known for the signatures of {}", failure.server);
    case SignatureFailureCode::kKeyExpired:
      return fmt::format("the key of {} was not valid at the event's time", failure.server);
    case SignatureFailureCode::kWrong:
      return fmt::format("the signature of {} is wrong", failure.server);
  }
  return "the event's signatures are malformed";
}

std::expected<void, SignatureFailure> verify_event_signatures(const Event& event, const KeyLookup& keys) {
  const std::string message = signed_bytes(event);
  for (const RequiredSigner& signer : required_signers(event)) {
    if (auto verified = verify_one(event, signer, message, keys); !verified) {
      return verified;
    }
  }
  return {};
}

void verify_event_signatures(
    std::span<SignatureTask> tasks, const KeyLookup& keys,
    const std::function<void(std::size_t, const std::function<void(std::size_t)>&)>& parallel) {
  parallel(tasks.size(), [&](std::size_t index) {
    SignatureTask& task = tasks[index];
    task.result = verify_event_signatures(*task.event, keys);
  });
}

}  // namespace lares::matrix
