// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/export.hpp>
#include <lares/crypto/ed25519.hpp>
#include <lares/json/scanner.hpp>
#include <lares/json/value.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace lares::crypto {

/// Signs an object: gives it in canonical form with `signatures.NAME.KEY_ID` set. Signatures that are there
/// stay, and so does `unsigned`; neither is part of what is signed.
///
/// Numbers may be anything whose value is an integer in range.
///
/// **Errors** the text is not a JSON object, or `signatures` is no object of objects (kNotAnObject).
///
/// spec: Appendices, "Signing JSON"
[[nodiscard]] LARES_EXPORT std::expected<std::string, json::Error> sign_json(std::string_view object,
                                                                             std::string_view name,
                                                                             const SigningKey& key);

/// How a check of a signature ended.
enum class SignatureCheck : std::uint8_t {
  kValid,
  kMissing,    ///< no signature by that name with that key
  kMalformed,  ///< not 64 bytes of base64, or a key of another algorithm
  kWrong,      ///< the signature is not one of these bytes by this key
  kNotJson,    ///< the text is not a JSON object
};

/// Checks the signature that stands at `signatures.NAME.KEY_ID` of an object in any form.
///
/// spec: Appendices, "Checking for a Signature"
[[nodiscard]] LARES_EXPORT SignatureCheck verify_json(std::string_view object, std::string_view name,
                                                      std::string_view key_id, const Ed25519PublicKey& key);

/// The bytes that a signature of an object covers: its canonical form without `signatures` and `unsigned`.
///
/// Whoever checks several signatures of one object takes the bytes once and calls verify_ed25519.
[[nodiscard]] LARES_EXPORT std::expected<std::string, json::Error> signable_bytes(std::string_view object);

/// The signature at `signatures.NAME.KEY_ID` of a scanned object; nothing when absent or not 64 bytes of
/// base64.
[[nodiscard]] LARES_EXPORT std::optional<Ed25519Signature> find_signature(const json::Value& object,
                                                                          std::string_view name,
                                                                          std::string_view key_id) noexcept;

}  // namespace lares::crypto
