// SPDX-License-Identifier: Apache-2.0
#include "user_census.hpp"

#include <lares/async/runtime.hpp>
#include <lares/service/data_care.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <chrono>
#include <map>
#include <utility>

namespace lares::identity {

namespace {

constexpr std::chrono::hours kEvery{1};
constexpr std::int64_t kAccountsPerStep = 5000;
constexpr std::size_t kMostServices = 100;
// Accounts that belong to no application service, as dashboards know them.
constexpr const char* kNative = "native";
constexpr storage::Statement kAccounts{
    "SELECT account, deactivated, appservice_id FROM accounts WHERE account > $1 ORDER BY account LIMIT $2"};

}  // namespace

UserCensus::UserCensus(Server& server, storage::Database& database)
    : server_(server),
      database_(database),
      users_(server.metrics().gauges({.name = "synapse_non_deactivated_user_count",
                                      .help = "Accounts that are not deactivated, as of the last hour.",
                                      .labels = {metrics::Label::server_name(),
                                                 metrics::Label::bounded("app_service", kMostServices)}})),
      tasks_(server.runtime(), "user census") {}

void UserCensus::start() {
  const service::DataCare* const care = server_.services().find<service::DataCare>();
  if (care == nullptr || !care->works_here()) {
    return;
  }
  spawn(tasks_, Background{"generate_total_users", server_.name()}, run());
}

Task<void> UserCensus::run() {
  while (!tasks_.cancelled()) {
    try {
      co_await count();
    } catch (const storage::Error& error) {
      log_.warning("The accounts were not counted: {}", error.what());
    }
    co_await server_.runtime().sleep_for(kEvery);
  }
}

Task<void> UserCensus::count() {
  using Users = std::map<std::string, std::int64_t, std::less<>>;
  Users users{{kNative, 0}};
  for (std::int64_t account = 0; account >= 0;) {
    // What a page counts is added once it is read: the function may run again.
    auto [last, page] = co_await database_.read("count_users", [account](storage::ReadTransaction& tx) {
      std::pair<std::int64_t, Users> found{-1, {}};
      std::int64_t rows = 0;
      tx.each(kAccounts, account, kAccountsPerStep, [&](const storage::Row& row) {
        if (!row.boolean(1)) {
          ++found.second[row.null(2) ? kNative : row.text_copy(2)];
        }
        found.first = row.i64(0);
        ++rows;
      });
      if (rows < kAccountsPerStep) {
        found.first = -1;
      }
      return found;
    });
    account = last;
    for (const auto& [service, count] : page) {
      users[service] += count;
    }
  }
  for (const auto& [service, count] : users) {
    users_.at({server_.name(), service}).set(count);
  }
}

}  // namespace lares::identity
