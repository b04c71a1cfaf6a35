// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/matrix/event.hpp>
#include <lares/matrix/event_auth.hpp>

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::matrix {

/// A key of a server as the key store knows it.
struct KnownKey {
  crypto::Ed25519PublicKey key{};
  /// Until when it counts, in milliseconds since the epoch: what its owner vouches for, which the key store
  /// has cut to seven days after it fetched the key; for a retired key `expired_ts`.
  std::int64_t valid_until_ts = 0;
};

/// Where verify_event_signatures finds keys; the caller has fetched them before.
class LARES_EXPORT KeyLookup {
 public:
  virtual ~KeyLookup();
  /// Nothing when the key is unknown.
  [[nodiscard]] virtual std::optional<KnownKey> find(std::string_view server,
                                                     std::string_view key_id) const = 0;
};

/// A server that must have signed an event.
struct RequiredSigner {
  std::string server;
  enum class Why : std::uint8_t { kSender, kEventId, kAuthorisingUser } why{};
};

/// The servers whose signature the version asks for: the sender's (but for an invite through a third party,
/// which another server may have made), in random-id versions that of the event id, and from version 8 on
/// that of whoever a member event, of whatever membership, names in `join_authorised_via_users_server`.
///
/// spec: Server-Server API, "Validating hashes and signatures on received events"; Room Version 8,
/// "Authorization rules"
[[nodiscard]] LARES_EXPORT std::vector<RequiredSigner> required_signers(const Event& event);

/// The keys, as (server, key id), that could be needed to verify an event: what to fetch before.
struct KeyRequest {
  std::string server;
  std::string key_id;
  /// The key must have been valid then: the event's time; 0 where the version does not ask.
  std::int64_t valid_at_ts = 0;
};
[[nodiscard]] LARES_EXPORT std::vector<KeyRequest> keys_needed(const Event& event);

enum class SignatureFailureCode : std::uint8_t {
  kNoSignature,  ///< the server has not signed
  kUnknownKey,   ///< none of its signatures is by a key we know
  kKeyExpired,   ///< the only known keys were not valid at the event's time
  kWrong,        ///< the signature does not verify
};

struct SignatureFailure {
  SignatureFailureCode code{};
  std::string server;
  /// Why that server had to sign.
  RequiredSigner::Why why{};

  /// The authorisation rule that rejects the event for it; nothing where the event is dropped.
  [[nodiscard]] std::optional<AuthFailure> rejection() const noexcept {
    return why == RequiredSigner::Why::kAuthorisingUser
               ? std::optional{AuthFailure{AuthRule::kMemberAuthorisingSignature}}
               : std::nullopt;
  }
};
[[nodiscard]] LARES_EXPORT std::string describe(const SignatureFailure& failure);

/// Checks that every required server has signed: at least one signature is by a known key that was valid at
/// the event's time, and all of those verify. Signatures by unknown keys, expired keys and keys of other
/// algorithms count for nothing and do not hurt. The authorising user's server is asked last, so where its
/// signature is what fails, the others have held.
///
/// A user named by `join_authorised_via_users_server` who is no user id makes a required signer without a
/// name, who has never signed.
[[nodiscard]] LARES_EXPORT std::expected<void, SignatureFailure> verify_event_signatures(
    const Event& event, const KeyLookup& keys);

/// One check of a batch.
struct SignatureTask {
  const Event* event = nullptr;
  std::expected<void, SignatureFailure> result;
};

/// Verifies many events. `parallel` runs the given number of independent calls, on several cores if the
/// caller can, and returns after all of them: parallel(n, f) calls f(0) .. f(n - 1).
LARES_EXPORT void verify_event_signatures(
    std::span<SignatureTask> tasks, const KeyLookup& keys,
    const std::function<void(std::size_t, const std::function<void(std::size_t)>&)>& parallel);

}  // namespace lares::matrix
