// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/account_data.hpp>
#include <lares/service/receipts.hpp>
#include <lares/service/rooms.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/stream_writer.hpp>

#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "change.hpp"

namespace lares::account_data {

using Writer = stream::StreamWriter<Change>;

/// Account data for the server's own decisions, remembered until a row of the stream says that it changed.
class AccountDataService final : public service::AccountData, public service::ReadMarker {
 public:
  AccountDataService(TaskGroup& loads, Server& server, storage::Database& database, service::Rooms& rooms);

  /// Who writes; set once it exists, before anybody asks.
  void writes_with(Writer& writer) noexcept { writer_ = &writer; }

  Task<std::shared_ptr<const std::string>> global(std::int64_t user, std::string type) override;
  Task<std::shared_ptr<const std::unordered_set<std::string>>> ignored(std::int64_t user) override;
  Task<std::vector<std::pair<std::int64_t, std::shared_ptr<const std::unordered_set<std::string>>>>>
  ignoring_among(std::shared_ptr<const std::vector<std::int64_t>> users) override;
  Task<void> put_global(std::int64_t user, std::string user_id, std::string type,
                        std::string content) override;
  Task<void> fully_read(const http::Requester& requester, matrix::RoomId room, std::int64_t room_number,
                        std::string event_id, std::int64_t event_position) override;

  /// A user's global data of a type is another now.
  Task<void> changed(std::int64_t user, std::string type);

 private:
  Task<std::shared_ptr<const std::string>> load(std::int64_t user, std::string type);
  Task<std::shared_ptr<const std::unordered_set<std::string>>> load_ignored(std::int64_t user);

  ServiceRegistry& services_;
  storage::Database& database_;
  service::Rooms& rooms_;
  Writer* writer_ = nullptr;
  Cache<std::string, std::shared_ptr<const std::string>> global_;
  Cache<std::int64_t, std::shared_ptr<const std::unordered_set<std::string>>> ignored_;
};

}  // namespace lares::account_data
