// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>
#include <lares/http/request.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lares::identity {

struct KnownAccount;

/// When, from where and with what program devices were last used. Requests note it in memory, each device at
/// most once in two minutes; every few seconds what was noted is written in one transaction. Each process
/// writes what it has seen; the one that does a server's background work forgets old addresses
/// (`user_ips_max_age`).
///
/// **Threads**: any.
class ClientIps {
 public:
  ClientIps(Server& server, storage::Database& database);
  ClientIps(const ClientIps&) = delete;
  ClientIps& operator=(const ClientIps&) = delete;
  ~ClientIps();

  void start();
  Task<void> stop() noexcept { co_await tasks_.stop(); }

  /// A request of this account's device was let in. One comparison, as a rule; no lock.
  void note(const KnownAccount& account, const http::Request& request) noexcept;
  /// Writes what is noted. Does not throw but when cancelled: what cannot be written is noted again with the
  /// devices' next use.
  Task<void> write();

 private:
  struct Use {
    std::int64_t account;
    std::string device_id;
    std::int64_t ts;
    std::string ip;
    std::string user_agent;
    Use* next;  // the one noted before
  };
  /// All that are noted, the newest first.
  [[nodiscard]] std::vector<std::unique_ptr<Use>> take();
  Task<void> write_for_ever();
  Task<void> forget_for_ever();
  Task<void> forget();

  Server& server_;
  storage::Database& database_;
  metrics::Gauge& waiting_;
  metrics::Counter& dropped_;
  std::atomic<Use*> noted_{nullptr};  // owned; the newest
  TaskGroup tasks_;
  log::Logger log_{"lares.identity"};
};

}  // namespace lares::identity
