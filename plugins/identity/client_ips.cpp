// SPDX-License-Identifier: Apache-2.0
#include "client_ips.hpp"

#include <lares/async/runtime.hpp>
#include <lares/service/data_care.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>

#include <chrono>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "accounts.hpp"

namespace lares::identity {

using storage::Bytes;
using storage::ColumnType;
using storage::WriteTransaction;

namespace {

constexpr storage::ChangeMany kUsed{"devices",
                                    {{{"account", ColumnType::Integer}, {"device_id", ColumnType::Bytes}}},
                                    {{{"last_seen_ts", ColumnType::Integer},
                                      {"last_seen_ip", ColumnType::Text},
                                      {"user_agent", ColumnType::Bytes}}}};
constexpr storage::Statement kForget{
    "UPDATE devices SET last_seen_ip = NULL, user_agent = NULL WHERE (account, device_id) IN (SELECT "
    "account, "
    "device_id FROM devices WHERE last_seen_ip IS NOT NULL AND last_seen_ts < $1 ORDER BY last_seen_ts LIMIT "
    "$2)"};

constexpr std::int64_t kOncePerMs = 120'000;
constexpr std::int64_t kMostWaiting = 20'000;
constexpr std::chrono::seconds kWriteEvery{5};
constexpr std::chrono::hours kForgetEvery{1};
constexpr std::int64_t kForgetAtOnce = 500;
// Longer ones are cut: whoever asks decides what they say.
constexpr std::size_t kLongestIp = 64;
constexpr std::size_t kLongestUserAgent = 512;

metrics::Gauge& waiting(Server& server) {
  return server.metrics()
      .gauges({.name = "lares_client_ips_waiting",
               .help = "Uses of devices that are noted, and not yet written.",
               .labels = {metrics::Label::server_name()}})
      .at({server.name()});
}

metrics::Counter& dropped(Server& server) {
  return server.metrics()
      .counters({.name = "lares_client_ips_dropped",
                 .help = "Uses of devices that were not noted, since too many waited to be written.",
                 .labels = {metrics::Label::server_name()}})
      .at({server.name()});
}

}  // namespace

ClientIps::ClientIps(Server& server, storage::Database& database)
    : server_(server),
      database_(database),
      waiting_(waiting(server)),
      dropped_(dropped(server)),
      tasks_(server.runtime(), "client addresses") {}

ClientIps::~ClientIps() {
  (void)take();
}

void ClientIps::start() {
  spawn(tasks_, Background{"update_client_ips", server_.name()}, write_for_ever());
  const service::DataCare* const care = server_.services().find<service::DataCare>();
  if (care != nullptr && care->works_here()) {
    spawn(tasks_, Background{"prune_old_user_ips", server_.name()}, forget_for_ever());
  }
}

void ClientIps::note(const KnownAccount& account, const http::Request& request) noexcept {
  const std::int64_t now = request.received_ts();
  std::int64_t before = account.seen_ts.load(std::memory_order_relaxed);
  // A clock that was set back counts as time that has passed.
  if ((now < before + kOncePerMs && now > before - kOncePerMs) || !account.device_id) {
    return;
  }
  if (!account.seen_ts.compare_exchange_strong(before, now, std::memory_order_relaxed)) {
    return;
  }
  if (waiting_.value() >= kMostWaiting) {
    dropped_.add();
    return;
  }
  try {
    auto use = std::make_unique<Use>(account.user_number, *account.device_id, now,
                                     std::string{request.client_ip().substr(0, kLongestIp)},
                                     std::string{request.user_agent().substr(0, kLongestUserAgent)}, nullptr);
    waiting_.add();
    use->next = noted_.load(std::memory_order_relaxed);
    while (!noted_.compare_exchange_weak(use->next, use.get(), std::memory_order_release,
                                         std::memory_order_relaxed)) {
    }
    (void)use.release();
  } catch (const std::exception&) {
    dropped_.add();
  }
}

std::vector<std::unique_ptr<ClientIps::Use>> ClientIps::take() {
  std::vector<std::unique_ptr<Use>> uses;
  for (Use* use = noted_.exchange(nullptr, std::memory_order_acquire); use != nullptr; use = use->next) {
    uses.emplace_back(use);
  }
  return uses;
}

Task<void> ClientIps::write() {
  const std::vector<std::unique_ptr<Use>> uses = take();
  if (uses.empty()) {
    co_return;
  }
  waiting_.sub(static_cast<std::int64_t>(uses.size()));
  // In one order everywhere, so that processes which write the same rows do not wait for each other in turn.
  std::map<std::pair<std::int64_t, std::string_view>, const Use*> newest;
  for (const std::unique_ptr<Use>& use : uses) {
    newest.emplace(std::pair{use->account, std::string_view{use->device_id}}, use.get());
  }
  try {
    co_await database_.write("update_client_ips", [&newest](WriteTransaction& tx) {
      tx.change_many(kUsed, newest, [](const auto& entry) {
        const Use& use = *entry.second;
        return std::tuple{use.account, Bytes{use.device_id}, use.ts, std::string_view{use.ip},
                          Bytes{use.user_agent}};
      });
    });
  } catch (const storage::Error& error) {
    log_.warning("When devices were last used could not be written: {}", error.what());
  }
}

Task<void> ClientIps::write_for_ever() {
  while (!tasks_.cancelled()) {
    co_await server_.runtime().sleep_for(kWriteEvery);
    co_await write();
  }
}

Task<void> ClientIps::forget_for_ever() {
  while (!tasks_.cancelled()) {
    try {
      co_await forget();
    } catch (const storage::Error& error) {
      log_.warning("Old addresses of devices were not all forgotten: {}. It is tried again.", error.what());
    }
    co_await server_.runtime().sleep_for(kForgetEvery);
  }
}

Task<void> ClientIps::forget() {
  const std::optional<std::chrono::milliseconds> age =
      server_.config()->optional_duration("user_ips_max_age");
  if (!age) {
    co_return;
  }
  const std::int64_t before = server_.runtime().now_ms() - age->count();
  std::int64_t rows = kForgetAtOnce;
  while (rows == kForgetAtOnce) {
    rows = co_await database_.write("forget_client_ips", [before](WriteTransaction& tx) {
      return tx.exec(kForget, before, kForgetAtOnce);
    });
  }
}

}  // namespace lares::identity
