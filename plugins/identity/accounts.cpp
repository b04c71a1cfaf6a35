// SPDX-License-Identifier: Apache-2.0
#include "accounts.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "account_tasks.hpp"
#include "client_ips.hpp"
#include "erased_users.hpp"
#include "profiles.hpp"
#include "registration_tokens.hpp"
#include "tokens.hpp"

namespace lares::identity {

using storage::Bytes;
using storage::ReadTransaction;
using storage::Row;
using storage::WriteTransaction;

namespace {

constexpr storage::Statement kFindAccount{
    "SELECT account, user_id, password_hash, guest, admin, locked, suspended, deactivated, shadow_banned, "
    "appservice_id "
    "FROM accounts WHERE user_id = $1"};
constexpr storage::Statement kCreateAccount{
    "INSERT INTO accounts (account, user_id, password_hash, guest, admin, created_ts) VALUES ($1, $2, $3, "
    "$4, $5, $6) "
    "ON CONFLICT DO NOTHING"};
constexpr storage::Statement kSetPassword{"UPDATE accounts SET password_hash = $2 WHERE account = $1"};
constexpr storage::Statement kReplacePassword{
    "UPDATE accounts SET password_hash = $3 WHERE account = $1 AND password_hash = $2"};
// Writes what is there, so that of a login and a new password at the same time one waits for the other.
constexpr storage::Statement kHoldPassword{
    "UPDATE accounts SET password_hash = password_hash WHERE account = $1 AND password_hash = $2 AND NOT "
    "deactivated"};
constexpr storage::Statement kDeactivate{
    "UPDATE accounts SET deactivated = TRUE, erased = (erased OR $2), password_hash = NULL WHERE account = "
    "$1"};
constexpr storage::Statement kEraseProfile{"DELETE FROM profiles WHERE account = $1"};
constexpr storage::Statement kFindToken{
    "SELECT t.token, t.device_id, t.expires_ts, a.account, a.user_id, a.guest, a.admin, a.locked, "
    "a.suspended, "
    "a.deactivated, a.shadow_banned, a.appservice_id, d.last_seen_ts FROM access_tokens t JOIN accounts a ON "
    "a.account = t.account LEFT JOIN devices d ON d.account = t.account AND d.device_id = t.device_id "
    "WHERE t.hash = $1"};
constexpr storage::Statement kAddDevice{
    "INSERT INTO devices (account, device_id, display_name, created_ts) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (account, device_id) DO NOTHING"};
constexpr storage::Statement kEndDeviceTokens{
    "DELETE FROM access_tokens WHERE account = $1 AND device_id = $2"};
constexpr storage::Statement kEndDeviceRefresh{
    "DELETE FROM refresh_tokens WHERE account = $1 AND device_id = $2"};
constexpr storage::Statement kAddToken{
    "INSERT INTO access_tokens (token, hash, account, device_id, refresh_token, expires_ts, created_ts) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)"};
constexpr storage::Statement kAddRefresh{
    "INSERT INTO refresh_tokens (token, hash, account, device_id, expires_ts, created_ts) "
    "VALUES ($1, $2, $3, $4, $5, $6)"};
constexpr storage::Statement kFindRefresh{
    "SELECT token, account, device_id, expires_ts, next FROM refresh_tokens WHERE hash = $1"};
constexpr storage::Statement kNextUsed{
    "SELECT 1 FROM access_tokens WHERE refresh_token = $1 AND used = TRUE"};
constexpr storage::Statement kSetNext{"UPDATE refresh_tokens SET next = $2 WHERE token = $1"};
constexpr storage::Statement kDropRefresh{"DELETE FROM refresh_tokens WHERE token = $1"};
constexpr storage::Statement kDropTokensBefore{
    "DELETE FROM access_tokens WHERE account = $1 AND device_id = $2 AND refresh_token IN (SELECT token FROM "
    "refresh_tokens WHERE account = $1 AND device_id = $2 AND next = $3)"};
constexpr storage::Statement kDropRefreshBefore{
    "DELETE FROM refresh_tokens WHERE account = $1 AND device_id = $2 AND next = $3"};
constexpr storage::Statement kDropTokensOfRefresh{"DELETE FROM access_tokens WHERE refresh_token = $1"};
constexpr storage::Statement kMarkUsed{
    "UPDATE access_tokens SET used = TRUE WHERE token = $1 AND used = FALSE"};
constexpr storage::Statement kProvenSince{"SELECT 1 FROM access_tokens WHERE token = $1 AND proven_ts > $2"};
constexpr storage::Statement kProven{"UPDATE access_tokens SET proven_ts = $2 WHERE token = $1"};
constexpr storage::Statement kDropToken{"DELETE FROM access_tokens WHERE token = $1"};
constexpr storage::Statement kDropDevice{"DELETE FROM devices WHERE account = $1 AND device_id = $2"};
constexpr storage::Statement kDevices{
    "SELECT device_id, display_name, last_seen_ts, last_seen_ip FROM devices WHERE account = $1 ORDER BY "
    "device_id"};
constexpr storage::Statement kDevice{
    "SELECT device_id, display_name, last_seen_ts, last_seen_ip FROM devices WHERE account = $1 AND "
    "device_id = $2"};
constexpr storage::Statement kRename{
    "UPDATE devices SET display_name = $3 WHERE account = $1 AND device_id = $2"};

constexpr std::size_t kDeviceIdLetters = 10;
constexpr std::string_view kTokens = service::kDevicesCache;

matrix::UserId parse_user(std::string_view text) {
  auto user = matrix::UserId::parse(text);
  if (!user) {
    throw storage::Corrupt{"A stored user id cannot be read."};
  }
  return std::move(*user);
}

std::optional<std::string> text_of(const Row& row, int column) {
  const auto view = row.maybe_bytes(column);
  return view ? std::optional<std::string>{*view} : std::nullopt;
}

Device device_of(const Row& row) {
  Device device{.device_id = row.bytes_copy(0),
                .display_name = text_of(row, 1),
                .last_seen_ts = row.maybe_i64(2),
                .last_seen_ip = {}};
  if (const auto ip = row.maybe_text(3)) {
    device.last_seen_ip = std::string{*ip};
  }
  return device;
}

}  // namespace

void refuse_while_disabled(const Config& config) {
  if (!config.boolean("hs_disabled")) {
    return;
  }
  throw http::MatrixError(403, "M_RESOURCE_LIMIT_EXCEEDED", config.string("hs_disabled_message"))
      .with("admin_contact", config.get("admin_contact").dump())
      .with("limit_type", R"("hs_disabled")");
}

Accounts::Accounts(Server& server, TaskGroup& group, storage::Database& database, storage::Interner& interner,
                   service::CacheStream& caches, ClientIps& client_ips, TokenLifetimes lifetimes)
    : server_(server),
      runtime_(server.runtime()),
      database_(database),
      interner_(interner),
      caches_(caches),
      client_ips_(client_ips),
      lifetimes_(lifetimes),
      tokens_(group, {.name = "access_tokens", .server_name = server.name(), .max_size = 50'000}),
      disabled_(server.config()->boolean("hs_disabled")) {
  caches_.add(kTokens, [this](std::string_view user) {
    if (user.empty()) {
      tokens_.invalidate_all();
    } else {
      tokens_.invalidate_if([user](const std::string&, const Loaded& loaded) {
        return loaded.account && loaded.account->user.view() == user;
      });
    }
  });
}

Task<std::string> Accounts::user_id(std::int64_t account) {
  std::vector<std::int64_t> numbers{account};
  std::vector<storage::InternText> ids =
      co_await interner_.texts(storage::InternKind::User, std::move(numbers));
  co_return std::move(ids.front().first);
}

template <class Function>
Task<std::invoke_result_t<Function&, WriteTransaction&>> Accounts::write_tokens(storage::TransactionName name,
                                                                                std::int64_t account,
                                                                                Function function) {
  using Result = std::invoke_result_t<Function&, WriteTransaction&>;
  const std::string user = co_await user_id(account);
  const std::int64_t now = runtime_.now_ms();
  if constexpr (std::is_void_v<Result>) {
    const std::int64_t position =
        co_await database_.write(name, [this, &user, &function, now](WriteTransaction& tx) {
          function(tx);
          return caches_.invalidate(tx, kTokens, user, now);
        });
    caches_.committed(kTokens, user, position);
  } else {
    auto [result, position] =
        co_await database_.write(name, [this, &user, &function, now](WriteTransaction& tx) {
          Result value = function(tx);
          return std::pair{std::move(value), caches_.invalidate(tx, kTokens, user, now)};
        });
    caches_.committed(kTokens, user, position);
    co_return std::move(result);
  }
}

std::shared_ptr<const http::Account> Accounts::cached(std::string_view token) noexcept {
  if (!caches_.connected()) {
    return nullptr;
  }
  const std::optional<Loaded> found = tokens_.peek(token_hash(token));
  if (!found || (found->expires_ts != 0 && found->expires_ts <= runtime_.now_ms())) {
    return nullptr;
  }
  if (disabled_.load(std::memory_order_relaxed) && found->account && !found->account->admin) {
    return nullptr;
  }
  return found->account;
}

Task<Accounts::Loaded> Accounts::load(std::string hash) {
  Loaded loaded = co_await database_.read("access_token", [&hash](ReadTransaction& tx) {
    return tx
        .maybe(kFindToken, Bytes{hash},
               [](const Row& row) {
                 if (row.boolean(9)) {
                   return Loaded{};
                 }
                 auto account =
                     std::make_shared<KnownAccount>(http::Account{.user = parse_user(row.bytes(4))});
                 account->user_number = row.i64(3);
                 account->device_id = text_of(row, 1);
                 account->token_id = row.i64(0);
                 account->guest = row.boolean(5);
                 account->admin = row.boolean(6);
                 account->locked = row.boolean(7);
                 account->suspended = row.boolean(8);
                 account->shadow_banned = row.boolean(10);
                 if (const auto appservice = row.maybe_text(11)) {
                   account->appservice_id = std::string{*appservice};
                 }
                 account->seen_ts = row.maybe_i64(12).value_or(0);
                 return Loaded{std::move(account), row.maybe_i64(2).value_or(0)};
               })
        .value_or(Loaded{});
  });
  // The first use of a token that a refresh gave ends the refresh token before it.
  if (loaded.account && loaded.expires_ts != 0) {
    const std::int64_t token = loaded.account->token_id;
    co_await database_.write("mark_token_used", [token](WriteTransaction& tx) { tx.exec(kMarkUsed, token); });
  }
  co_return loaded;
}

Task<std::shared_ptr<const http::Account>> Accounts::authenticate(std::string_view token) {
  if (!looks_like_token(TokenKind::kAccess, token)) {
    throw http::unknown_token("This access token was never valid here.");
  }
  std::string hash = token_hash(token);
  const Loaded loaded =
      caches_.connected()
          ? co_await tokens_.get(hash, [this](std::string key) { return load(std::move(key)); })
          : co_await load(hash);
  if (!loaded.account) {
    // A token that is not there is not kept either: it may be another process's newest.
    tokens_.invalidate(hash);
    throw http::unknown_token("This access token is not, or no longer, valid.");
  }
  if (loaded.expires_ts != 0 && loaded.expires_ts <= runtime_.now_ms()) {
    throw http::unknown_token("This access token has expired.", true);
  }
  if (disabled_.load(std::memory_order_relaxed) && !loaded.account->admin) {
    refuse_while_disabled(*server_.config());
  }
  co_return loaded.account;
}

void Accounts::seen(const http::Account& account, const http::Request& request) noexcept {
  client_ips_.note(static_cast<const KnownAccount&>(account), request);
}

Task<bool> Accounts::proven_within(const http::Account& account, std::int64_t ms) {
  const std::int64_t token = account.token_id;
  const std::int64_t since = runtime_.now_ms() - ms;
  co_return co_await database_.read(
      "token_proven", [token, since](ReadTransaction& tx) { return tx.any(kProvenSince, token, since); });
}

Task<void> Accounts::proven(const http::Account& account) {
  const std::int64_t token = account.token_id;
  const std::int64_t now = runtime_.now_ms();
  co_await database_.write("token_proven",
                           [token, now](WriteTransaction& tx) { tx.exec(kProven, token, now); });
}

Task<std::optional<AccountRow>> Accounts::find(matrix::UserId user) {
  co_return co_await database_.read("account", [&user](ReadTransaction& tx) {
    return tx.maybe(kFindAccount, user, [](const Row& row) {
      AccountRow account{.account = row.i64(0),
                         .user = parse_user(row.bytes(1)),
                         .password_hash = std::string{row.maybe_text(2).value_or("")},
                         .guest = row.boolean(3),
                         .admin = row.boolean(4),
                         .locked = row.boolean(5),
                         .suspended = row.boolean(6),
                         .deactivated = row.boolean(7),
                         .shadow_banned = row.boolean(8),
                         .appservice_id = {}};
      if (const auto appservice = row.maybe_text(9)) {
        account.appservice_id = std::string{*appservice};
      }
      return account;
    });
  });
}

Task<bool> Accounts::create(NewAccount account) {
  const std::int64_t number = co_await interner_.intern_user(account.user.view());
  const std::int64_t now = runtime_.now_ms();
  co_return co_await database_.write("create_account", [&account, number, now](WriteTransaction& tx) {
    const std::optional<std::string_view> hash =
        account.password_hash.empty() ? std::nullopt : std::optional<std::string_view>{account.password_hash};
    const bool created =
        tx.exec(kCreateAccount, number, account.user, hash, account.guest, account.admin, now) == 1;
    // Here, so that of several requests with one dialogue one has an account.
    if (created && account.token_session && !RegistrationTokens::use(tx, *account.token_session)) {
      throw http::MatrixError(400, "M_UNKNOWN", "This authentication session has been used already.");
    }
    return created;
  });
}

Task<void> Accounts::set_password(std::int64_t account, std::string hash) {
  co_await database_.write("set_password", [account, &hash](WriteTransaction& tx) {
    tx.exec(kSetPassword, account, std::string_view{hash});
  });
}

Task<bool> Accounts::replace_password(std::int64_t account, std::string former, std::string hash) {
  co_return co_await database_.write("replace_password", [account, &former, &hash](WriteTransaction& tx) {
    return tx.exec(kReplacePassword, account, std::string_view{former}, std::string_view{hash}) == 1;
  });
}

Task<Session> Accounts::log_in(std::int64_t account, SessionOptions options) {
  const std::int64_t now = runtime_.now_ms();
  Session session;
  session.access_token = make_token(TokenKind::kAccess, runtime_);
  session.device_id = options.device_id.value_or(crypto::random_alphanumeric(runtime_, kDeviceIdLetters));
  std::optional<std::int64_t> refresh;
  std::vector<std::int64_t> numbers = co_await interner_.take_event_numbers(2);
  const std::optional<std::int64_t> lifetime =
      options.refreshable ? lifetimes_.refreshable_access_ms : lifetimes_.access_ms;
  if (options.refreshable) {
    session.refresh_token = make_token(TokenKind::kRefresh, runtime_);
    refresh = numbers[1];
  }
  session.expires_in_ms = lifetime;
  const std::string hash = token_hash(session.access_token);
  const std::string refresh_hash = session.refresh_token ? token_hash(*session.refresh_token) : std::string{};
  const std::optional<std::int64_t> expires = lifetime ? std::optional{now + *lifetime} : std::nullopt;
  const std::optional<std::int64_t> refresh_expires =
      lifetimes_.refresh_ms ? std::optional{now + *lifetimes_.refresh_ms} : std::nullopt;
  const auto write = [&](WriteTransaction& tx) {
    // Whoever changes the password ends the sessions that are there, so no later one rests on the former.
    if (options.password_hash &&
        tx.exec(kHoldPassword, account, std::string_view{*options.password_hash}) != 1) {
      throw http::forbidden("Invalid username or password");
    }
    const std::optional<Bytes> name =
        options.display_name ? std::optional{Bytes{*options.display_name}} : std::nullopt;
    const bool is_new = tx.exec(kAddDevice, account, Bytes{session.device_id}, name, now) == 1;
    if (!is_new) {
      tx.exec(kEndDeviceTokens, account, Bytes{session.device_id});
      tx.exec(kEndDeviceRefresh, account, Bytes{session.device_id});
    }
    if (refresh) {
      tx.exec(kAddRefresh, *refresh, Bytes{refresh_hash}, account, Bytes{session.device_id}, refresh_expires,
              now);
    }
    tx.exec(kAddToken, numbers[0], Bytes{hash}, account, Bytes{session.device_id}, refresh, expires, now);
    return is_new;
  };
  // Only a device that was there can have had a token before.
  bool added = false;
  if (options.device_id) {
    added = co_await write_tokens("log_in", account, write);
  } else {
    added = co_await database_.write("log_in", write);
  }
  if (added) {
    std::vector<std::string> ids{session.device_id};
    co_await tell(account, std::move(ids));
  }
  co_return session;
}

Task<Session> Accounts::refresh(std::string token) {
  if (!looks_like_token(TokenKind::kRefresh, token)) {
    throw http::unknown_token("This refresh token was never valid here.");
  }
  const std::int64_t now = runtime_.now_ms();
  const std::string old_hash = token_hash(token);
  const std::vector<std::int64_t> numbers = co_await interner_.take_event_numbers(2);
  Session session;
  session.access_token = make_token(TokenKind::kAccess, runtime_);
  session.refresh_token = make_token(TokenKind::kRefresh, runtime_);
  session.expires_in_ms = lifetimes_.refreshable_access_ms;
  const std::string access_hash = token_hash(session.access_token);
  const std::string refresh_hash = token_hash(*session.refresh_token);
  const std::optional<std::int64_t> expires =
      session.expires_in_ms ? std::optional{now + *session.expires_in_ms} : std::nullopt;
  const std::optional<std::int64_t> refresh_expires =
      lifetimes_.refresh_ms ? std::optional{now + *lifetimes_.refresh_ms} : std::nullopt;
  struct Old {
    std::int64_t token;
    std::int64_t account;
    std::string device_id;
    std::optional<std::int64_t> expires;
    std::optional<std::int64_t> next;
  };
  bool expired = false;
  const std::optional<std::pair<std::int64_t, std::string>> refreshed = co_await database_.write(
      "refresh_token", [&](WriteTransaction& tx) -> std::optional<std::pair<std::int64_t, std::string>> {
        const std::optional<Old> old = tx.maybe(kFindRefresh, Bytes{old_hash}, [](const Row& row) {
          return Old{row.i64(0), row.i64(1), row.bytes_copy(2), row.maybe_i64(3), row.maybe_i64(4)};
        });
        expired = old && old->expires && *old->expires <= now;
        if (!old || expired) {
          return std::nullopt;
        }
        if (old->next) {
          // Used before. If what came of it is in use, this is somebody else's copy; if not, the answer was
          // lost.
          if (tx.any(kNextUsed, *old->next)) {
            return std::nullopt;
          }
          tx.exec(kDropTokensOfRefresh, *old->next);
          tx.exec(kDropRefresh, *old->next);
        }
        // Who uses a token has received it, and needs those before it no more. A process that has one of the
        // access tokens in memory takes it until it expires, as it would have without the refresh.
        tx.exec(kDropTokensBefore, old->account, Bytes{old->device_id}, old->token);
        tx.exec(kDropRefreshBefore, old->account, Bytes{old->device_id}, old->token);
        tx.exec(kAddRefresh, numbers[1], Bytes{refresh_hash}, old->account, Bytes{old->device_id},
                refresh_expires, now);
        tx.exec(kSetNext, old->token, numbers[1]);
        tx.exec(kAddToken, numbers[0], Bytes{access_hash}, old->account, Bytes{old->device_id},
                std::optional<std::int64_t>{numbers[1]}, expires, now);
        return std::pair{old->account, old->device_id};
      });
  if (!refreshed) {
    // The device is still there: its client logs in again and keeps its keys.
    throw http::unknown_token(
        expired ? "This refresh token has expired." : "This refresh token is not, or no longer, valid.",
        expired);
  }
  session.device_id = refreshed->second;
  co_return session;
}

Task<void> Accounts::log_out(const http::Account& account) {
  const std::int64_t number = account.user_number;
  const std::int64_t token = account.token_id;
  const std::optional<std::string> device = account.device_id;
  if (device) {
    std::vector<std::string> ids{*device};
    co_await delete_devices(number, std::move(ids));
    co_return;
  }
  co_await write_tokens("log_out", number, [token](WriteTransaction& tx) { tx.exec(kDropToken, token); });
}

Task<void> Accounts::log_out_all(std::int64_t account, std::optional<std::string> except_device) {
  const std::vector<Device> all = co_await devices(account);
  std::vector<std::string> ids;
  for (const Device& device : all) {
    if (device.device_id != except_device) {
      ids.push_back(device.device_id);
    }
  }
  co_await delete_devices(account, std::move(ids));
}

Task<void> Accounts::deactivate(std::int64_t account, bool erase) {
  const std::int64_t now = runtime_.now_ms();
  const std::string user = co_await user_id(account);
  std::vector<std::string_view> caches{Profiles::kCache};
  if (erase) {
    caches.push_back(ErasedUsers::kCache);
  }
  // First the mark, which ends every token at once: what comes after it may be cut short.
  const std::vector<std::int64_t> positions = co_await write_tokens(
      "deactivate", account, [this, account, erase, now, &user, &caches](WriteTransaction& tx) {
        tx.exec(kDeactivate, account, erase);
        tx.exec(kEraseProfile, account);
        note_task(tx, account, AccountTask::kLeave, now);
        if (erase) {
          note_task(tx, account, AccountTask::kErase, now);
        }
        std::vector<std::int64_t> told;
        for (const std::string_view cache : caches) {
          told.push_back(caches_.invalidate(tx, cache, user, now));
        }
        return told;
      });
  for (std::size_t i = 0; i < caches.size(); ++i) {
    caches_.committed(caches[i], user, positions[i]);
  }
  co_await log_out_all(account, std::nullopt);
}

Task<std::vector<Device>> Accounts::devices(std::int64_t account) {
  co_return co_await database_.read("devices", [account](ReadTransaction& tx) {
    std::vector<Device> devices;
    tx.each(kDevices, account, [&devices](const Row& row) { devices.push_back(device_of(row)); });
    return devices;
  });
}

Task<std::optional<Device>> Accounts::device(std::int64_t account, std::string device_id) {
  co_return co_await database_.read("device", [account, &device_id](ReadTransaction& tx) {
    return tx.maybe(kDevice, account, Bytes{device_id}, [](const Row& row) { return device_of(row); });
  });
}

Task<bool> Accounts::rename_device(std::int64_t account, std::string device_id, std::string name) {
  const bool found =
      co_await database_.write("rename_device", [account, &device_id, &name](WriteTransaction& tx) {
        return tx.exec(kRename, account, Bytes{device_id}, Bytes{name}) == 1;
      });
  if (found) {
    std::vector<std::string> ids{std::move(device_id)};
    co_await tell(account, std::move(ids));
  }
  co_return found;
}

Task<void> Accounts::delete_devices(std::int64_t account, std::vector<std::string> device_ids) {
  if (device_ids.empty()) {
    co_return;
  }
  co_await write_tokens("delete_devices", account, [this, account, &device_ids](WriteTransaction& tx) {
    drop_devices(tx, account, device_ids);
  });
  co_await tell(account, std::move(device_ids));
}

void Accounts::drop_devices(WriteTransaction& tx, std::int64_t account,
                            std::span<const std::string> device_ids) {
  for (const std::string& device_id : device_ids) {
    tx.exec(kEndDeviceTokens, account, Bytes{device_id});
    tx.exec(kEndDeviceRefresh, account, Bytes{device_id});
    tx.exec(kDropDevice, account, Bytes{device_id});
  }
  for (service::DeviceObserver* observer : observers_) {
    observer->deleting(tx, account, device_ids);
  }
}

Task<void> Accounts::tell(std::int64_t account, std::vector<std::string> device_ids) {
  const std::string user = co_await user_id(account);
  for (service::DeviceObserver* observer : observers_) {
    co_await observer->changed(account, parse_user(user), device_ids);
  }
}

}  // namespace lares::identity
