// SPDX-License-Identifier: Apache-2.0
#include "cross_signing.hpp"

#include <nlohmann/json.hpp>

namespace lares::keys {

using storage::Bytes;
using storage::ReadTransaction;
using storage::Row;
using storage::Statement;
using storage::WriteTransaction;

namespace {

constexpr std::string_view kAlgorithm = "ed25519:";

constexpr Statement kKeys{"SELECT usage, key FROM cross_signing_keys WHERE account = $1"};
constexpr Statement kPut{
    "INSERT INTO cross_signing_keys (account, usage, key) VALUES ($1, $2, $3) ON CONFLICT (account, usage) "
    "DO "
    "UPDATE SET key = excluded.key"};
constexpr Statement kForgetTarget{"DELETE FROM key_signatures WHERE account = $1 AND target = $2"};
constexpr Statement kForgetMade{"DELETE FROM key_signatures WHERE signer = $1 AND key_id = $2"};
constexpr Statement kSign{
    "INSERT INTO key_signatures (account, target, signer, key_id, signature) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT (account, target, signer, key_id) DO UPDATE SET signature = excluded.signature"};
constexpr Statement kSignatures{
    "SELECT target, signer, key_id, signature FROM key_signatures WHERE account = $1 AND (signer = $2 OR "
    "signer "
    "= $3)"};

}  // namespace

std::map<std::string, std::string> cross_signing_keys(ReadTransaction& tx, std::int64_t user) {
  std::map<std::string, std::string> keys;
  tx.each(kKeys, user, [&keys](const Row& row) { keys.emplace(row.text_copy(0), row.bytes_copy(1)); });
  return keys;
}

void put_cross_signing_key(WriteTransaction& tx, std::int64_t user, std::string_view usage,
                           std::string_view key, const std::optional<std::string>& former_public_key) {
  if (former_public_key) {
    const std::string key_id = std::string{kAlgorithm} + *former_public_key;
    tx.exec(kForgetTarget, user, Bytes{*former_public_key});
    tx.exec(kForgetMade, user, Bytes{key_id});
  }
  tx.exec(kPut, user, usage, Bytes{key});
}

void add_signatures_of_keys(WriteTransaction& tx, std::span<const Signature> signatures) {
  for (const Signature& one : signatures) {
    tx.exec(kSign, one.account, Bytes{one.target}, one.signer, Bytes{one.key_id}, Bytes{one.signature});
  }
}

std::vector<Signature> signatures_of(ReadTransaction& tx, std::int64_t user, std::int64_t signer,
                                     std::int64_t other_signer) {
  std::vector<Signature> signatures;
  tx.each(kSignatures, user, signer, other_signer, [&signatures, user](const Row& row) {
    signatures.push_back({.account = user,
                          .target = row.bytes_copy(0),
                          .signer = row.i64(1),
                          .key_id = row.bytes_copy(2),
                          .signature = row.bytes_copy(3)});
  });
  return signatures;
}

void forget_signatures_of(WriteTransaction& tx, std::int64_t user, std::span<const std::string> devices) {
  for (const std::string& device : devices) {
    const std::string key_id = std::string{kAlgorithm} + device;
    tx.exec(kForgetTarget, user, Bytes{device});
    tx.exec(kForgetMade, user, Bytes{key_id});
  }
}

std::optional<std::string> public_key_of(const nlohmann::json& key) {
  const auto keys = key.find("keys");
  if (keys == key.end() || !keys->is_object() || keys->size() != 1 || !keys->begin()->is_string()) {
    return std::nullopt;
  }
  auto public_key = keys->begin()->get<std::string>();
  if (keys->begin().key() != std::string{kAlgorithm} + public_key) {
    return std::nullopt;
  }
  return public_key;
}

}  // namespace lares::keys
