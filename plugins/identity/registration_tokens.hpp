// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lares::identity {

/// A token that admits a number of registrations.
struct RegistrationToken {
  std::string token;
  std::optional<std::int64_t> uses_allowed;  ///< absent for any number
  std::int64_t pending = 0;                  ///< dialogues that have shown it and are not at their end
  std::int64_t completed = 0;
  std::optional<std::int64_t> expiry_ts;
};

/// What of a token is to change: absent leaves it, an empty inner value removes the limit.
struct TokenChange {
  std::optional<std::optional<std::int64_t>> uses_allowed;
  std::optional<std::optional<std::int64_t>> expiry_ts;
};

/// Registration tokens. A dialogue that shows one holds a use of it in its own row until it ends, so that no
/// counter has to be put right when a client goes away.
///
/// **Threads**: any.
class RegistrationTokens {
 public:
  explicit RegistrationTokens(storage::Database& database) : database_(database) {}

  /// Whether the token would admit one more registration.
  Task<bool> valid(std::string token, std::int64_t now_ts);
  /// Holds a use of the token for a dialogue, which must be stored already. False if there is none left.
  Task<bool> claim(std::string token, std::string session, std::int64_t now_ts);
  /// In the transaction that makes the dialogue's account: its use counts. False if the dialogue holds none,
  /// or none any more, and must not have an account.
  [[nodiscard]] static bool use(storage::WriteTransaction& tx, const std::string& session);

  /// False if there is one of this name.
  Task<bool> create(RegistrationToken token);
  Task<std::optional<RegistrationToken>> find(std::string token);
  /// The first thousand by name; `valid` picks those that would, or would not, admit a registration.
  Task<std::vector<RegistrationToken>> list(std::optional<bool> valid, std::int64_t now_ts);
  Task<std::optional<RegistrationToken>> change(std::string token, TokenChange change);
  Task<bool> remove(std::string token);

 private:
  storage::Database& database_;
};

}  // namespace lares::identity
