// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <lares/storage/statement.hpp>

namespace lares::storage {

/// Whose data a row is. `Server` is a remote server's, as a keeper of keys; `Destination` one that we send
/// to; `None` the server's own, which no purge touches and which therefore has to say more about its bound.
enum class OwnerKind : std::uint8_t { Room, User, Device, Destination, Server, None };

/// How a row refers to its owner.
enum class OwnerReference : std::uint8_t {
  Number,  ///< the interned number, in a BIGINT column
  Text,    ///< the identifier itself, in a `{bytes}` column
};

/// One owner of a table's rows: purging a room deletes what its rooms own, erasing a user what the user and
/// the user's devices own.
struct Owner {
  OwnerKind kind = OwnerKind::None;
  OwnerReference reference = OwnerReference::Number;
  /// The column with the reference. With `Device` the column of its user.
  std::string_view column = "";
  /// With `Device` only: the `{bytes}` column with the device id.
  std::string_view device_column = "";
  /// For rows that hang on another table's rows: the table of theirs, and in `column` the reference to its
  /// first key column. The table's own first owner of this kind then says whose they are. Such rows go before
  /// the rows they hang on.
  std::string_view through = "";
};

/// What a plugin says about a table of its own. Start fails without owner, bound and end, and for a table
/// that a migration makes and nobody declares.
struct Table {
  std::string_view name;
  /// The columns of the primary key, by which purge and pruning delete in bounded steps.
  std::vector<std::string_view> key;
  /// At least one; `{.kind = OwnerKind::None}` for the server's own.
  std::vector<Owner> owners;
  /// How many rows there can be, in words: "one per device and algorithm", "100 per user, older ones go at
  /// insert".
  std::string_view bound;
  /// What ends a row, in words: "logout", "7 days after `created_ts`", "purge of the room".
  std::string_view ends;
  /// Where time ends a row: a DELETE of at most `$2` rows that are over at `$1` (ms since the epoch), which
  /// housekeeping runs in steps until it deletes none.
  std::optional<Statement> prune = std::nullopt;
  /// A SELECT of one number: how many rows are beyond the bound. 0 unless something is wrong; housekeeping
  /// says so in the log.
  std::optional<Statement> excess = std::nullopt;
};

}  // namespace lares::storage
