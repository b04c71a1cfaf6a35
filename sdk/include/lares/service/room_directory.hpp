// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/matrix/identifiers.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lares::service {

/// The names of rooms on this server, and which rooms are shown to everyone. Provided by the directory.
///
/// spec: Client-Server API, "Room aliases"; "Published room directory"
/// **Threads**: any.
class LARES_EXPORT RoomDirectory {
 public:
  static constexpr std::string_view kServiceId = "lares.room-directory/1";
  virtual ~RoomDirectory();

  /// The room of an alias; nothing if there is none.
  virtual Task<std::optional<matrix::RoomId>> resolve(matrix::RoomAlias alias) = 0;
  /// The aliases of a room, at most a thousand.
  virtual Task<std::vector<std::string>> aliases(std::int64_t room) = 0;

  /// Whether a user may make an alias, before there is a room for it.
  /// **Errors**: MatrixError M_INVALID_PARAM for one of another server, M_ROOM_IN_USE for one that is taken,
  /// M_FORBIDDEN by the server's rules.
  virtual Task<void> check(matrix::UserId user, matrix::RoomAlias alias,
                           std::optional<matrix::RoomId> room) = 0;
  /// Makes an alias. **Errors**: as `check`.
  virtual Task<void> add(matrix::UserId user, matrix::RoomAlias alias, matrix::RoomId room) = 0;
  /// The aliases, and the place in the list, of a room that another replaces.
  virtual Task<void> move(std::int64_t from, std::int64_t to) = 0;

  /// Whether a user may show a room to everyone. **Errors**: MatrixError M_FORBIDDEN by the server's rules.
  virtual void check_publishing(const matrix::UserId& user, const matrix::RoomId* room,
                                const std::vector<std::string>& aliases) = 0;
  /// Shows a room to everyone, or no longer.
  virtual Task<void> publish(std::int64_t room, bool listed) = 0;
};

}  // namespace lares::service
