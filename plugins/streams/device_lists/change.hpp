// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/storage/intern.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/stream_number.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace lares::device_lists {

/// A user's devices or keys changed; or, where `signed_users` is not empty, the user has signed others'.
struct Change {
  std::int64_t user = 0;  ///< interned
  std::string user_id;
  std::vector<std::string> signed_users;
  std::vector<std::int64_t> signed_numbers;  ///< theirs, interned
};

void store(storage::WriteTransaction& tx, const Change& change, stream::WriterNumber writer,
           std::int64_t position);

/// A row of the stream as it travels: user, whether it is about signatures, whether the servers concerned are
/// known.
[[nodiscard]] std::string row(std::string_view user_id, bool is_signature);

/// A change as JSON text for another process of this server, and back. **Errors**: nlohmann's exceptions.
[[nodiscard]] std::string encode(const Change& change);
[[nodiscard]] Change decode(const std::string& text);
/// Gives what another process sent the numbers that this one knows its identifiers by.
Task<void> number(storage::Interner& interner, Change& change);

}  // namespace lares::device_lists
