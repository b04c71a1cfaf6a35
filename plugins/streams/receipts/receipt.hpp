// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lares::storage {
class ReadTransaction;
class WriteTransaction;
}  // namespace lares::storage

namespace lares::receipts {

inline constexpr std::string_view kRead = "m.read";
inline constexpr std::string_view kReadPrivate = "m.read.private";
inline constexpr std::string_view kMain = "main";
inline constexpr std::int64_t kMostThreads = 1'000;

/// How far a user has read a room, or a thread in it.
struct Receipt {
  std::int64_t room = 0;
  std::string room_id;
  std::int64_t user = 0;
  std::string user_id;
  bool is_private = false;
  std::string thread;            ///< empty, "main", or the id of the thread's root
  std::int64_t thread_root = 0;  ///< its number
  std::string event_id;
  std::int64_t event_position = 0;
  std::int64_t read_ts = 0;

  [[nodiscard]] std::string_view type() const noexcept { return is_private ? kReadPrivate : kRead; }
};

/// True if the user's receipt already stands there or further on.
[[nodiscard]] bool is_behind(storage::ReadTransaction& tx, const Receipt& receipt);

/// Writes it, unless there is one further on. Doing it twice does no harm.
void store(storage::WriteTransaction& tx, const Receipt& receipt, stream::WriterNumber writer,
           std::int64_t position);

/// The row as it travels: room, type, user, event, thread or null, data.
[[nodiscard]] std::string row_of(const Receipt& receipt);

/// Between processes.
[[nodiscard]] std::string encode(const Receipt& receipt);
[[nodiscard]] Receipt decode(const std::string& text);
/// Gives what another process sent the numbers that this one knows its identifiers by.
/// **Errors**: MatrixError 404 where there is no such thread.
Task<void> number(storage::Interner& interner, service::Rooms& rooms, Receipt& receipt);

}  // namespace lares::receipts
