// SPDX-License-Identifier: Apache-2.0
#include <lares/crypto/base64.hpp>
#include <lares/crypto/signed_json.hpp>
#include <lares/json/canonical.hpp>
#include <lares/json/writer.hpp>

#include <map>
#include <vector>

namespace lares::crypto {

namespace {

constexpr json::ScanOptions kObject{.numbers = json::Numbers::kIntegerValues, .require_object = true};

std::string without_signatures(const json::Value& canonical) {
  std::string out;
  out.reserve(canonical.bytes().size());
  json::Writer writer{out};
  writer.begin_object();
  for (const json::Member& member : canonical.members()) {
    if (!member.key.equals("signatures") && !member.key.equals("unsigned")) {
      writer.raw_member(member.bytes);
    }
  }
  writer.end_object();
  return out;
}

}  // namespace

std::expected<std::string, json::Error> signable_bytes(std::string_view object) {
  const auto canonical = json::canonicalise(object, kObject);
  if (!canonical) {
    return std::unexpected(canonical.error());
  }
  return without_signatures(json::Value{*canonical});
}

std::expected<std::string, json::Error> sign_json(std::string_view object, std::string_view name,
                                                  const SigningKey& key) {
  const auto canonical = json::canonicalise(object, kObject);
  if (!canonical) {
    return std::unexpected(canonical.error());
  }
  const json::Value root{*canonical};

  // name -> key id -> JSON of the signature; both maps sort as canonical JSON does.
  std::map<std::string, std::map<std::string, std::string>> signatures;
  if (const json::Value existing = root["signatures"]) {
    if (!existing.is_object()) {
      return std::unexpected(json::Error{json::ErrorCode::kNotAnObject, 0});
    }
    for (const json::Member& server : existing.members()) {
      if (!server.value.is_object()) {
        return std::unexpected(json::Error{json::ErrorCode::kNotAnObject, 0});
      }
      auto& of_server = signatures[server.key.decoded()];
      for (const json::Member& signature : server.value.members()) {
        of_server[signature.key.decoded()] = signature.value.bytes();
      }
    }
  }
  std::string quoted;
  json::append_string(quoted, base64_encode(key.sign(without_signatures(root))));
  signatures[std::string{name}][key.id()] = quoted;

  std::string out;
  out.reserve(canonical->size() + 160);
  json::Writer writer{out};
  const auto write_signatures = [&] {
    writer.key("signatures").begin_object();
    for (const auto& [server, keys] : signatures) {
      writer.key(server).begin_object();
      for (const auto& [id, signature] : keys) {
        writer.key(id).raw(signature);
      }
      writer.end_object();
    }
    writer.end_object();
  };
  bool written = false;
  writer.begin_object();
  for (const json::Member& member : root.members()) {
    if (member.key.equals("signatures")) {
      continue;
    }
    if (!written && member.key.decoded() > "signatures") {
      write_signatures();
      written = true;
    }
    writer.raw_member(member.bytes);
  }
  if (!written) {
    write_signatures();
  }
  writer.end_object();
  return out;
}

std::optional<Ed25519Signature> find_signature(const json::Value& object, std::string_view name,
                                               std::string_view key_id) noexcept {
  const auto text = object["signatures"][name][key_id].as_plain_string();
  Ed25519Signature signature{};
  if (!text || !base64_decode_to(signature, *text)) {
    return std::nullopt;
  }
  return signature;
}

SignatureCheck verify_json(std::string_view object, std::string_view name, std::string_view key_id,
                           const Ed25519PublicKey& key) {
  const auto canonical = json::canonicalise(object, kObject);
  if (!canonical) {
    return SignatureCheck::kNotJson;
  }
  const json::Value root{*canonical};
  if (!root["signatures"][name][key_id]) {
    return SignatureCheck::kMissing;
  }
  const auto signature = find_signature(root, name, key_id);
  if (!signature || !key_id.starts_with("ed25519:")) {
    return SignatureCheck::kMalformed;
  }
  return verify_ed25519(key, without_signatures(root), *signature) ? SignatureCheck::kValid
                                                                   : SignatureCheck::kWrong;
}

}  // namespace lares::crypto
