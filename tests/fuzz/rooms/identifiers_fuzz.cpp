// SPDX-License-Identifier: Apache-2.0
#include "../require.hpp"

#include <lares/crypto/base64.hpp>
#include <lares/matrix/grammars.hpp>
#include <lares/matrix/identifiers.hpp>

#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lares::matrix;
  using namespace lares::crypto;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto id = UserId::parse(text)) {
    require("@" + std::string{id->localpart()} + ":" + std::string{id->server()} == text);
    require(ServerName::parse(id->server()).has_value());
  }
  require(!UserId::valid(text, Grammar::kStrict) || UserId::valid(text));
  if (const auto id = RoomId::parse(text)) {
    require("!" + std::string{id->opaque()} + (id->server() ? ":" + std::string{*id->server()} : "") == text);
  }
  if (const auto alias = RoomAlias::parse(text)) {
    require("#" + std::string{alias->localpart()} + ":" + std::string{alias->server()} == text);
  }
  if (const auto name = ServerName::parse(text)) {
    require(text.starts_with(name->host()));
    static_cast<void>(name->port());
    static_cast<void>(name->is_ip_literal());
  }
  static_cast<void>(EventId::parse(text));
  static_cast<void>(DeviceId::parse(text));
  const auto key_id = split_key_id(text);
  require(!key_id || std::string{key_id->algorithm} + ":" + std::string{key_id->name} == text);
  require(!valid_server_key_id(text) || key_id);
  require(!valid_namespaced_id(text) || valid_opaque_id(text));
  require(!valid_room_version_name(text) || valid_opaque_id(text));
  for (const Base64 alphabet : {Base64::kStandard, Base64::kUrlSafe}) {
    if (const auto bytes = base64_decode(text, alphabet, Base64Decoding::kStrict)) {
      require(base64_encode({reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()},
                            alphabet) == text);
    }
    static_cast<void>(base64_decode(text, alphabet));
  }
  require(base64_decode(base64_encode({data, size})) == text);
  return 0;
}
