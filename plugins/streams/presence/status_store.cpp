// SPDX-License-Identifier: Apache-2.0
#include "status_store.hpp"

#include <lares/storage/transaction.hpp>

#include <utility>

namespace lares::presence {

using storage::Bytes;

namespace {

constexpr storage::Statement kPut{
    "INSERT INTO presence_statuses (account, status_msg) VALUES ($1, $2) "
    "ON CONFLICT (account) DO UPDATE SET status_msg = excluded.status_msg"};
constexpr storage::Statement kDrop{"DELETE FROM presence_statuses WHERE account = $1"};
constexpr storage::LookupMany kFind{.select = "status_msg",
                                    .from = "presence_statuses",
                                    .keys = {{{"account", storage::ColumnType::Integer}}}};

}  // namespace

storage::Schema presence_schema() {
  return {
      .plugin = "presence",
      .migrations = {{.number = 1,
                      .kind = storage::MigrationKind::Expand,
                      .summary = "Adds what users say of themselves.",
                      .statements = {storage::Sql{"CREATE TABLE presence_statuses (account {id}, status_msg "
                                                  "{bytes} NOT NULL)"}}}},
      .tables = {{.name = "presence_statuses",
                  .key = {"account"},
                  .owners = {{.kind = storage::OwnerKind::User, .column = "account"}},
                  .bound = "one per user",
                  .ends = "an empty status; erasure of the user"}}};
}

Task<void> StatusStore::put(std::int64_t user, std::string status) {
  co_await database_.write("put_status", [user, &status](storage::WriteTransaction& tx) {
    if (status.empty()) {
      tx.exec(kDrop, user);
    } else {
      tx.exec(kPut, user, Bytes{status});
    }
  });
}

Task<std::unordered_map<std::int64_t, std::string>> StatusStore::find(std::vector<std::int64_t> users) {
  co_return co_await database_.read("statuses", [&users](storage::ReadTransaction& tx) {
    std::unordered_map<std::int64_t, std::string> found;
    tx.lookup_many(
        kFind, users, [](std::int64_t user) { return user; },
        [&users, &found](std::size_t key, const storage::Row& row) {
          found.emplace(users[key], row.bytes_copy(0));
        });
    return found;
  });
}

}  // namespace lares::presence
