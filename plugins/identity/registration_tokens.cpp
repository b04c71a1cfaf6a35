// SPDX-License-Identifier: Apache-2.0
#include "registration_tokens.hpp"

#include <lares/storage/transaction.hpp>

#include <utility>

namespace lares::identity {

using storage::Bytes;
using storage::ReadTransaction;
using storage::Row;
using storage::WriteTransaction;

namespace {

#define LARES_TOKEN_COLUMNS                                                                     \
  "r.token, r.uses_allowed, (SELECT count(*) FROM uia_sessions s WHERE s.registration_token = " \
  "r.token), r.completed, r.expiry_ts FROM registration_tokens r"
constexpr storage::Statement kFind{"SELECT " LARES_TOKEN_COLUMNS " WHERE r.token = $1"};
constexpr storage::Statement kList{"SELECT " LARES_TOKEN_COLUMNS " ORDER BY r.token LIMIT 1000"};
#undef LARES_TOKEN_COLUMNS
constexpr storage::Statement kCreate{
    "INSERT INTO registration_tokens (token, uses_allowed, completed, expiry_ts) VALUES ($1, $2, 0, $3) "
    "ON CONFLICT DO NOTHING"};
constexpr storage::Statement kChange{
    "UPDATE registration_tokens SET uses_allowed = $2, expiry_ts = $3 WHERE token = $1"};
constexpr storage::Statement kRemove{"DELETE FROM registration_tokens WHERE token = $1"};
constexpr storage::Statement kHeld{"SELECT registration_token FROM uia_sessions WHERE session = $1"};
constexpr storage::Statement kHold{"UPDATE uia_sessions SET registration_token = $2 WHERE session = $1"};
constexpr storage::Statement kRelease{
    "UPDATE uia_sessions SET registration_token = NULL WHERE session = $1 AND registration_token IS NOT "
    "NULL"};
constexpr storage::Statement kCount{
    "UPDATE registration_tokens SET completed = completed + 1 WHERE token = $1"};

RegistrationToken token_of(const Row& row) {
  return {.token = row.bytes_copy(0),
          .uses_allowed = row.maybe_i64(1),
          .pending = row.i64(2),
          .completed = row.i64(3),
          .expiry_ts = row.maybe_i64(4)};
}

// The token that a dialogue holds.
std::optional<std::string> held_by(ReadTransaction& tx, const std::string& session) {
  return tx
      .maybe(kHeld, Bytes{session},
             [](const Row& row) {
               const auto name = row.maybe_bytes(0);
               return name ? std::optional<std::string>{*name} : std::nullopt;
             })
      .value_or(std::nullopt);
}

bool admits(const RegistrationToken& token, std::int64_t now_ts) {
  return (!token.uses_allowed || token.pending + token.completed < *token.uses_allowed) &&
         (!token.expiry_ts || *token.expiry_ts > now_ts);
}

}  // namespace

Task<bool> RegistrationTokens::valid(std::string token, std::int64_t now_ts) {
  const std::optional<RegistrationToken> found = co_await find(std::move(token));
  co_return found&& admits(*found, now_ts);
}

Task<bool> RegistrationTokens::claim(std::string token, std::string session, std::int64_t now_ts) {
  co_return co_await database_.write("claim_registration_token", [&](WriteTransaction& tx) {
    tx.lock("registration_tokens");
    if (held_by(tx, session) == token) {
      return true;
    }
    const std::optional<RegistrationToken> found =
        tx.maybe(kFind, Bytes{token}, [](const Row& row) { return token_of(row); });
    if (!found || !admits(*found, now_ts)) {
      return false;
    }
    return tx.exec(kHold, Bytes{session}, Bytes{token}) == 1;
  });
}

// What holds and what has been used come to the same sum before and after, so no claim need wait.
bool RegistrationTokens::use(WriteTransaction& tx, const std::string& session) {
  const std::optional<std::string> held = held_by(tx, session);
  if (!held || tx.exec(kRelease, Bytes{session}) != 1) {
    return false;
  }
  tx.exec(kCount, Bytes{*held});
  return true;
}

Task<bool> RegistrationTokens::create(RegistrationToken token) {
  co_return co_await database_.write("create_registration_token", [&token](WriteTransaction& tx) {
    return tx.exec(kCreate, Bytes{token.token}, token.uses_allowed, token.expiry_ts) == 1;
  });
}

Task<std::optional<RegistrationToken>> RegistrationTokens::find(std::string token) {
  co_return co_await database_.read("registration_token", [&token](ReadTransaction& tx) {
    return tx.maybe(kFind, Bytes{token}, [](const Row& row) { return token_of(row); });
  });
}

Task<std::vector<RegistrationToken>> RegistrationTokens::list(std::optional<bool> valid,
                                                              std::int64_t now_ts) {
  std::vector<RegistrationToken> all =
      co_await database_.read("registration_tokens", [](ReadTransaction& tx) {
        std::vector<RegistrationToken> tokens;
        tx.each(kList, [&tokens](const Row& row) { tokens.push_back(token_of(row)); });
        return tokens;
      });
  if (valid) {
    std::erase_if(all, [now_ts, wanted = *valid](const RegistrationToken& token) {
      return admits(token, now_ts) != wanted;
    });
  }
  co_return all;
}

Task<std::optional<RegistrationToken>> RegistrationTokens::change(std::string token, TokenChange change) {
  co_return co_await database_.write(
      "change_registration_token", [&](WriteTransaction& tx) -> std::optional<RegistrationToken> {
        std::optional<RegistrationToken> found =
            tx.maybe(kFind, Bytes{token}, [](const Row& row) { return token_of(row); });
        if (found) {
          found->uses_allowed = change.uses_allowed.value_or(found->uses_allowed);
          found->expiry_ts = change.expiry_ts.value_or(found->expiry_ts);
          tx.exec(kChange, Bytes{token}, found->uses_allowed, found->expiry_ts);
        }
        return found;
      });
}

Task<bool> RegistrationTokens::remove(std::string token) {
  co_return co_await database_.write("remove_registration_token", [&token](WriteTransaction& tx) {
    return tx.exec(kRemove, Bytes{token}) == 1;
  });
}

}  // namespace lares::identity
