// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {
class ReadTransaction;
class WriteTransaction;
}  // namespace lares::storage

namespace lares::account_data {

inline constexpr std::string_view kTags = "m.tag";
inline constexpr std::string_view kFullyRead = "m.fully_read";
inline constexpr std::string_view kDirect = "m.direct";
inline constexpr std::string_view kIgnoredUsers = "m.ignored_user_list";

/// Bounds. A type and a tag are as long as identifiers may be.
inline constexpr std::size_t kMostContent = 65'536;
inline constexpr std::size_t kLongestName = 255;
inline constexpr std::size_t kMostTypes = 1'000;
inline constexpr std::size_t kMostTypesOfRoom = 100;
inline constexpr std::size_t kMostTags = 100;

enum class Action : std::uint8_t {
  kPut,
  kDelete,
  kPutTag,     ///< `content` is the tag's
  kDeleteTag,  ///< `tag` goes
  kAddDirect,  ///< in `m.direct`, wherever the room `tag` stands, the room `content` joins it
};

/// One change of a user's account data.
struct Change {
  Action action = Action::kPut;
  std::int64_t user = 0;
  std::string user_id;
  std::int64_t room = 0;  ///< 0: of the account as a whole
  std::string room_id;
  std::string type;
  std::string tag;
  std::string content;  ///< a JSON object
};

/// Throws the error for the client if the change would go beyond the bounds.
/// **Errors**: MatrixError. On a storage thread.
void refuse_beyond_bounds(storage::ReadTransaction& tx, const Change& change);

/// Writes it; refuses as above. Doing it twice does no harm.
void store(storage::WriteTransaction& tx, const Change& change, stream::WriterNumber writer,
           std::int64_t position);

/// The row as it travels: user, room or null, type.
[[nodiscard]] std::string row_of(std::string_view user_id, std::string_view room_id, std::string_view type);

/// Between processes.
[[nodiscard]] std::string encode(const Change& change);
[[nodiscard]] Change decode(const std::string& text);
/// Gives what another process sent the numbers that this one knows its identifiers by.
Task<void> number(storage::Interner& interner, Change& change);

/// The content of one type; nothing if there is none or it was deleted.
[[nodiscard]] std::optional<std::string> find(storage::ReadTransaction& tx, std::int64_t user,
                                              std::int64_t room, std::string_view type);

}  // namespace lares::account_data
