// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/storage/transaction.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lares::keys {

/// What a cross-signing key is for, as `usage` has it.
inline constexpr std::string_view kMaster = "master";
inline constexpr std::string_view kSelfSigning = "self_signing";
inline constexpr std::string_view kUserSigning = "user_signing";

/// A signature of a key or device.
struct Signature {
  std::int64_t account = 0;  ///< whose key is signed
  std::string target;        ///< device id, or public key
  std::int64_t signer = 0;
  std::string key_id;  ///< `ed25519:...`
  std::string signature;
};

/// The SQL of cross-signing. **Threads**: those of the database.
///
/// A user's keys as JSON, by usage.
[[nodiscard]] std::map<std::string, std::string> cross_signing_keys(storage::ReadTransaction& tx,
                                                                    std::int64_t user);
/// Puts a key, and takes away what the key in its place had signed, and the signatures of it.
void put_cross_signing_key(storage::WriteTransaction& tx, std::int64_t user, std::string_view usage,
                           std::string_view key, const std::optional<std::string>& former_public_key);
void add_signatures_of_keys(storage::WriteTransaction& tx, std::span<const Signature> signatures);
/// Signatures of a user's keys and devices, by one of two signers.
[[nodiscard]] std::vector<Signature> signatures_of(storage::ReadTransaction& tx, std::int64_t user,
                                                   std::int64_t signer, std::int64_t other_signer);
/// Those of devices, and those that devices made.
void forget_signatures_of(storage::WriteTransaction& tx, std::int64_t user,
                          std::span<const std::string> devices);

/// The public key of a cross-signing key's JSON: there must be exactly one key, named by itself. Nothing if
/// not so.
[[nodiscard]] std::optional<std::string> public_key_of(const nlohmann::json& key);

}  // namespace lares::keys
