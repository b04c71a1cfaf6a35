// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/plugin/server.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <span>
#include <vector>

#include "account_tasks.hpp"

namespace lares::identity {

/// Notes with an event that closes a room to guests that the guests of this server who are in it have to
/// leave.
///
/// spec: Client-Server API, "Guest Access"
class GuestSink final : public service::EventSink {
 public:
  GuestSink(Server& server, storage::Database& database, AccountTasks& tasks);

  Task<void> prepare(std::span<const service::StoredEventPtr> events,
                     std::span<service::EventMarks> marks) override;
  void write(storage::WriteTransaction& tx, std::span<const service::StoredEventPtr> events) override;
  void committed(std::span<const service::StoredEventPtr> events) noexcept override;

 private:
  Task<std::vector<std::int64_t>> coming_into(std::int64_t room,
                                              std::span<const service::StoredEventPtr> events);
  Task<void> find_guests(std::span<const std::int64_t> users);

  Server& server_;
  storage::Database& database_;
  AccountTasks& tasks_;
  std::vector<std::int64_t> guests_;  // of the batch under way
  std::int64_t now_ts_ = 0;
};

}  // namespace lares::identity
