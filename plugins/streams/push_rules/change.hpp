// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/matrix/push_ruleset.hpp>
#include <lares/storage/intern.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/stream_number.hpp>
#include <lares/stream/stream_writer.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace lares::push_rules {

/// One change of a user's push rules.
struct Change {
  enum class Action : std::uint8_t { kPut, kDelete, kEnable, kDisable, kSetActions };

  Action action = Action::kPut;
  std::int64_t user = 0;
  std::string user_id;
  matrix::PushRuleKind kind = matrix::PushRuleKind::kOverride;
  matrix::PushRule rule;  ///< of the others its id, and of kSetActions its actions
  std::string before;
  std::string after;
};

using Writer = stream::StreamWriter<Change>;

/// Writes it. A rule that is gone meanwhile is not missed, and doing it twice does no harm.
/// **Errors**: MatrixError when the user has too many rules.
void store(storage::WriteTransaction& tx, const Change& change, stream::WriterNumber writer,
           std::int64_t position);

/// The error for a client.
[[noreturn]] void throw_refusal(const matrix::PushRuleRefusal& refusal);

/// The row as it travels: the user.
[[nodiscard]] std::string row_of(std::string_view user_id);
[[nodiscard]] std::string user_of_row(const std::string& json);

/// For another process. **Errors**: `decode` throws nlohmann's.
[[nodiscard]] std::string encode(const Change& change);
[[nodiscard]] Change decode(const std::string& text);
/// Gives what another process sent the numbers that this one knows its identifiers by.
Task<void> number(storage::Interner& interner, Change& change);

}  // namespace lares::push_rules
