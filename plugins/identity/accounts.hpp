// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/async/task.hpp>
#include <lares/base/strings.hpp>
#include <lares/http/requester.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/authenticator.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/service/devices.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lares::identity {

/// A row of `accounts`.
struct AccountRow {
  std::int64_t account = 0;  ///< the user's interned number
  matrix::UserId user;
  std::string password_hash;
  bool guest = false;
  bool admin = false;
  bool locked = false;
  bool suspended = false;
  bool deactivated = false;
  bool shadow_banned = false;
  std::optional<std::string> appservice_id;
};

struct NewAccount {
  matrix::UserId user;
  std::string password_hash;  ///< empty for an account without a password
  bool guest = false;
  bool admin = false;
  std::optional<std::string> token_session;  ///< the dialogue whose registration token the account uses up
};

/// What a login gives to a client.
struct Session {
  std::string access_token;
  std::optional<std::string> refresh_token;
  std::optional<std::int64_t> expires_in_ms;
  std::string device_id;
};

struct SessionOptions {
  std::optional<std::string>
      device_id;  ///< a device of the user's to take over, or a new name; made where absent
  std::optional<std::string> display_name;
  bool refreshable = false;
  /// The hash that the password was right for: a login is refused where it is another by now.
  std::optional<std::string> password_hash = {};
};

struct Device {
  std::string device_id;
  std::optional<std::string> display_name;
  std::optional<std::int64_t> last_seen_ts;
  std::optional<std::string> last_seen_ip;
};

/// How long tokens hold; absent for ever.
struct TokenLifetimes {
  std::optional<std::int64_t> access_ms;
  std::optional<std::int64_t> refreshable_access_ms;
  std::optional<std::int64_t> refresh_ms;
};

/// What is kept of a token's holder, with what only this plugin needs.
struct KnownAccount final : http::Account {
  explicit KnownAccount(http::Account account) : http::Account{std::move(account)} {}
  /// When the device was last noted as used, ms since the epoch; 0 for never.
  mutable std::atomic<std::int64_t> seen_ts{0};
};

class ClientIps;

/// Turns a request away while `hs_disabled` is set. **Errors**: MatrixError 403 M_RESOURCE_LIMIT_EXCEEDED.
void refuse_while_disabled(const Config& config);

/// Accounts, devices and tokens, and the authenticator over them. Tables without a stream: any process writes
/// them.
///
/// Tokens are remembered. Where other processes share the database, what they end is heard of by the stream
/// of caches; while it is not connected, each token is looked up.
///
/// **Threads**: any.
class Accounts final : public service::Authenticator {
 public:
  Accounts(Server& server, TaskGroup& group, storage::Database& database, storage::Interner& interner,
           service::CacheStream& caches, ClientIps& client_ips, TokenLifetimes lifetimes);

  [[nodiscard]] std::shared_ptr<const http::Account> cached(std::string_view token) noexcept override;
  Task<std::shared_ptr<const http::Account>> authenticate(std::string_view token) override;
  void seen(const http::Account& account, const http::Request& request) noexcept override;

  /// Whether everybody but administrators is turned away from now on (`hs_disabled`).
  void set_disabled(bool disabled) noexcept { disabled_ = disabled; }

  /// Whether the holder of this token has shown within so many milliseconds who they are.
  Task<bool> proven_within(const http::Account& account, std::int64_t ms);
  /// The holder of this token has shown who they are.
  Task<void> proven(const http::Account& account);

  Task<std::optional<AccountRow>> find(matrix::UserId user);
  /// False if the name is taken. **Errors**: MatrixError if the dialogue holds no registration token any
  /// more.
  Task<bool> create(NewAccount account);
  Task<void> set_password(std::int64_t account, std::string hash);
  /// False if the account has another hash than the former by now.
  Task<bool> replace_password(std::int64_t account, std::string former, std::string hash);
  /// Marks the account, erases its profile, ends every token and device, and notes that its rooms are to be
  /// left, and with `erase` that whatever is the user's is to be deleted; its name is never given again.
  Task<void> deactivate(std::int64_t account, bool erase);

  /// **Errors**: MatrixError 403 M_FORBIDDEN if the password is another by now.
  Task<Session> log_in(std::int64_t account, SessionOptions options);
  /// Exchanges a refresh token. **Errors**: MatrixError 401 M_UNKNOWN_TOKEN, softly if it has expired.
  Task<Session> refresh(std::string token);
  Task<void> log_out(const http::Account& account);
  Task<void> log_out_all(std::int64_t account, std::optional<std::string> except_device);

  Task<std::vector<Device>> devices(std::int64_t account);
  Task<std::optional<Device>> device(std::int64_t account, std::string device_id);
  /// False if there is no such device.
  Task<bool> rename_device(std::int64_t account, std::string device_id, std::string name);
  Task<void> delete_devices(std::int64_t account, std::vector<std::string> device_ids);
  /// Who is to know what happens to devices; before the first request.
  void set_observers(std::vector<service::DeviceObserver*> observers) { observers_ = std::move(observers); }

 private:
  struct Loaded {
    std::shared_ptr<const KnownAccount> account;  // null for a token that admits nobody
    std::int64_t expires_ts = 0;                  // 0 for never
  };
  Task<Loaded> load(std::string hash);
  /// A write that makes what is known of a user's tokens stale, here and in other processes.
  template <class Function>
  Task<std::invoke_result_t<Function&, storage::WriteTransaction&>> write_tokens(
      storage::TransactionName name, std::int64_t account, Function function);
  Task<std::string> user_id(std::int64_t account);
  void drop_devices(storage::WriteTransaction& tx, std::int64_t account,
                    std::span<const std::string> device_ids);
  Task<void> tell(std::int64_t account, std::vector<std::string> device_ids);

  Server& server_;
  Runtime& runtime_;
  storage::Database& database_;
  storage::Interner& interner_;
  service::CacheStream& caches_;
  ClientIps& client_ips_;
  TokenLifetimes lifetimes_;
  Cache<std::string, Loaded> tokens_;
  std::vector<service::DeviceObserver*> observers_;
  std::atomic<bool> disabled_;
};

}  // namespace lares::identity
