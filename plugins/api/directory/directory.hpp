// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/room_directory.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/storage/migration.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lares::directory {

/// The tables of aliases and of listed rooms.
[[nodiscard]] storage::Schema directory_schema();

/// An alias and what it stands for.
struct AliasRow {
  std::int64_t room = 0;
  std::int64_t creator = 0;
};

/// The directory over its tables. Tables without a stream: any process writes them, and nothing of them is
/// kept in memory.
///
/// **Threads**: any.
class Directory final : public service::RoomDirectory {
 public:
  Directory(Server& server, storage::Database& database, storage::Interner& interner, service::Rooms& rooms)
      : server_(server), database_(database), interner_(interner), rooms_(rooms) {}

  Task<std::optional<matrix::RoomId>> resolve(matrix::RoomAlias alias) override;
  Task<std::vector<std::string>> aliases(std::int64_t room) override;
  Task<void> check(matrix::UserId user, matrix::RoomAlias alias, std::optional<matrix::RoomId> room) override;
  Task<void> add(matrix::UserId user, matrix::RoomAlias alias, matrix::RoomId room) override;
  Task<void> move(std::int64_t from, std::int64_t to) override;
  void check_publishing(const matrix::UserId& user, const matrix::RoomId* room,
                        const std::vector<std::string>& aliases) override;
  Task<void> publish(std::int64_t room, bool listed) override;

  Task<std::optional<AliasRow>> find(matrix::RoomAlias alias);
  /// False if it was not there.
  Task<bool> remove(matrix::RoomAlias alias);
  Task<bool> listed(std::int64_t room);
  /// Numbers of the listed rooms.
  Task<std::vector<std::int64_t>> all_listed();

 private:
  void check_rules(const matrix::UserId& user, const matrix::RoomAlias& alias,
                   const std::optional<matrix::RoomId>& room) const;

  Server& server_;
  storage::Database& database_;
  storage::Interner& interner_;
  service::Rooms& rooms_;
};

}  // namespace lares::directory
