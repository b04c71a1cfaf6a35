// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/base/log.hpp>
#include <lares/http/router.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/service/device_lists.hpp>
#include <lares/service/devices.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "counts.hpp"

namespace lares::keys {

/// What the endpoints of this plugin share.
struct Shared {
  Server& server;
  storage::Database& database;
  storage::Interner& interner;
  service::Devices& devices;
  service::DeviceLists& lists;
  Counts& counts;
};

void add_upload(Shared& shared);          ///< /keys/upload
void add_query(Shared& shared);           ///< /keys/query
void add_claim(Shared& shared);           ///< /keys/claim
void add_signing_upload(Shared& shared);  ///< /keys/device_signing/upload
void add_signatures(Shared& shared);      ///< /keys/signatures/upload
void add_backup(Shared& shared);          ///< /room_keys

/// Users named in one request.
inline constexpr std::size_t kMostUsers = 5'000;
/// Bytes of one key with its signatures.
inline constexpr std::size_t kLargestKey = 65'536;
/// Bytes of device ids, key ids and names of algorithms.
inline constexpr std::size_t kLongestName = 255;

/// The member, or null if it is not there. **Errors**: MatrixError M_BAD_JSON for another type than an
/// object.
[[nodiscard]] const nlohmann::json* optional_object(const nlohmann::json& body, const char* key);
/// **Errors**: as above; M_MISSING_PARAM if it is not there.
[[nodiscard]] const nlohmann::json& required_object(const nlohmann::json& body, const char* key);
/// A list of strings or null, which is the empty list. **Errors**: MatrixError M_BAD_JSON.
[[nodiscard]] std::vector<std::string> strings(const nlohmann::json& value, std::string_view what);
/// Whether it is an object of strings.
[[nodiscard]] bool is_object_of_strings(const nlohmann::json& value);
/// Whether the object's `signatures`, if it has any, are strings by user and key.
[[nodiscard]] bool has_good_signatures(const nlohmann::json& object);
/// The signature by a user with a key; nothing if there is none.
[[nodiscard]] std::optional<std::string> signature_of(const nlohmann::json& object, std::string_view user_id,
                                                      std::string_view key_id);
/// Whether a user of this server is meant; false for one of another, true also for one who does not exist.
[[nodiscard]] bool is_local(const Shared& shared, std::string_view user_id);
/// A text that was stored here. **Errors**: storage::Corrupt.
[[nodiscard]] nlohmann::json parse_stored(std::string_view text);
/// An entry of `failures` for a server that this one does not talk to.
[[nodiscard]] nlohmann::json unreachable();

}  // namespace lares::keys
