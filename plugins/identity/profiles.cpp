// SPDX-License-Identifier: Apache-2.0
#include "profiles.hpp"

#include <lares/http/matrix_error.hpp>
#include <lares/storage/transaction.hpp>

#include <nlohmann/json.hpp>

#include <utility>

#include "account_tasks.hpp"

namespace lares::identity {

using storage::Bytes;
using storage::Row;

namespace {

// The cache's name in the stream of caches.

constexpr storage::Statement kFind{
    "SELECT p.displayname, p.avatar_url, p.fields FROM accounts a LEFT JOIN profiles p ON p.account = "
    "a.account "
    "WHERE a.user_id = $1 AND a.deactivated = FALSE"};
constexpr storage::Statement kSetName{
    "INSERT INTO profiles (account, displayname) VALUES ($1, $2) "
    "ON CONFLICT (account) DO UPDATE SET displayname = excluded.displayname"};
constexpr storage::Statement kSetAvatar{
    "INSERT INTO profiles (account, avatar_url) VALUES ($1, $2) "
    "ON CONFLICT (account) DO UPDATE SET avatar_url = excluded.avatar_url"};

constexpr storage::Statement kFields{"SELECT fields FROM profiles WHERE account = $1"};
constexpr storage::Statement kSetFields{
    "INSERT INTO profiles (account, fields) VALUES ($1, $2) "
    "ON CONFLICT (account) DO UPDATE SET fields = excluded.fields"};

// What the names of all fields take is little beside it.
constexpr std::size_t kLargestFields = 60'000;

}  // namespace

Profiles::Profiles(TaskGroup& group, storage::Database& database, service::CacheStream& caches,
                   const std::string& server_name)
    : database_(database),
      caches_(caches),
      profiles_(group, {.name = "profiles", .server_name = server_name, .max_size = 20'000}) {
  caches_.add(kCache, [this](std::string_view user) {
    if (user.empty()) {
      profiles_.invalidate_all();
    } else {
      profiles_.invalidate(std::string{user});
    }
  });
}

Task<std::optional<service::Profile>> Profiles::profile(matrix::UserId user) {
  if (!caches_.connected()) {
    co_return co_await load(user.str());
  }
  std::optional<service::Profile> found =
      co_await profiles_.get(user.str(), [this](std::string user_id) { return load(std::move(user_id)); });
  if (!found) {
    // Nobody says when an account comes to be.
    profiles_.invalidate(user.str());
  }
  co_return found;
}

Task<std::optional<service::Profile>> Profiles::load(std::string user_id) {
  co_return co_await database_.read("profile", [&user_id](storage::ReadTransaction& tx) {
    return tx.maybe(kFind, Bytes{user_id}, [](const Row& row) {
      const auto text = [&row](int column) {
        const auto view = row.maybe_bytes(column);
        return view ? std::optional<std::string>{*view} : std::nullopt;
      };
      return service::Profile{
          .displayname = text(0), .avatar_url = text(1), .fields = text(2).value_or("{}")};
    });
  });
}

Task<void> Profiles::set_displayname(std::int64_t account, const matrix::UserId& user,
                                     std::optional<std::string> name, std::int64_t now_ts) {
  const std::int64_t position = co_await database_.write(
      "set_displayname", [this, account, &user, &name, now_ts](storage::WriteTransaction& tx) {
        tx.exec(kSetName, account, name ? std::optional{Bytes{*name}} : std::nullopt);
        note_task(tx, account, AccountTask::kProfile, now_ts);
        return caches_.invalidate(tx, kCache, user.view(), now_ts);
      });
  caches_.committed(kCache, user.view(), position);
}

Task<void> Profiles::set_avatar_url(std::int64_t account, const matrix::UserId& user,
                                    std::optional<std::string> url, std::int64_t now_ts) {
  const std::int64_t position = co_await database_.write(
      "set_avatar_url", [this, account, &user, &url, now_ts](storage::WriteTransaction& tx) {
        tx.exec(kSetAvatar, account, url ? std::optional{Bytes{*url}} : std::nullopt);
        note_task(tx, account, AccountTask::kProfile, now_ts);
        return caches_.invalidate(tx, kCache, user.view(), now_ts);
      });
  caches_.committed(kCache, user.view(), position);
}

Task<void> Profiles::set_field(std::int64_t account, const matrix::UserId& user, std::string key,
                               std::optional<std::string> value, std::int64_t now_ts) {
  const std::int64_t position = co_await database_.write(
      "set_profile_field", [this, account, &user, &key, &value, now_ts](storage::WriteTransaction& tx) {
        tx.lock("profile_fields");
        nlohmann::json fields = nlohmann::json::object();
        tx.maybe(kFields, account, [&fields](const Row& row) {
          if (const auto stored = row.maybe_bytes(0)) {
            fields = nlohmann::json::parse(*stored);
          }
        });
        if (value) {
          fields[key] = nlohmann::json::parse(*value);
        } else {
          fields.erase(key);
        }
        const std::string text = fields.dump();
        if (text.size() > kLargestFields) {
          throw http::MatrixError(400, "M_PROFILE_TOO_LARGE", "A profile is at most 64 KiB large.");
        }
        tx.exec(kSetFields, account, Bytes{text});
        return caches_.invalidate(tx, kCache, user.view(), now_ts);
      });
  caches_.committed(kCache, user.view(), position);
}

}  // namespace lares::identity
