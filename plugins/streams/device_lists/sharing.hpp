// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/token.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace lares::device_lists {

/// Ids of users.
struct Differences {
  std::vector<std::string> changed;  ///< whose devices or identity changed, or who newly shares a room
  std::vector<std::string> left;     ///< who shares no room any more
};

/// Whether comings and goings are looked for, beside changes of devices.
enum class Memberships : bool { kUnchanged, kLookUp };

/// What a user has to learn about others between two places.
///
/// spec: Client-Server API, "Tracking the device list for a user"
/// **Threads**: any.
class Sharing {
 public:
  explicit Sharing(Server& server);

  Task<Differences> between(std::int64_t user, stream::Token from, stream::Token to, Memberships memberships);

 private:
  using Users = std::set<std::int64_t>;

  Task<void> add_changes(std::int64_t user, const stream::Token& from, const stream::Token& to,
                         const std::vector<std::int64_t>& rooms, Users& changed);
  Task<void> add_memberships(std::int64_t user, const stream::Token& from, const stream::Token& to,
                             const std::vector<std::int64_t>& rooms, Users& changed, Users& left);
  Task<bool> shares(std::int64_t other, const std::vector<std::int64_t>& rooms);
  Task<std::vector<std::string>> ids(const Users& users);

  storage::Database& database_;
  storage::Interner& interner_;
  service::Rooms& rooms_;
};

}  // namespace lares::device_lists
