// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/devices.hpp>
#include <lares/service/sync.hpp>
#include <lares/storage/database.hpp>
#include <lares/storage/intern.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/notifier.hpp>
#include <lares/stream/stream.hpp>

#include <cstdint>
#include <memory>
#include <vector>

#include "store.hpp"

namespace lares::to_device {

/// What waits for devices: the stream's reader, the section of /sync, and the end of a device's messages.
///
/// In memory is for which devices of a user anything waits, so that a sync of one for which nothing does asks
/// no database.
///
/// spec: Client-Server API, "Send-to-Device messaging"
class Inbox final : public stream::Stream, public service::SyncContributor, public service::DeviceObserver {
 public:
  /// Messages in one sync.
  static constexpr std::int64_t kMostInSync = 100;

  Inbox(Server& server, TaskGroup& loads);

  [[nodiscard]] std::string_view name() const noexcept override { return "to_device"; }
  Task<void> apply(stream::WriterNumber writer, std::span<const stream::Row> rows,
                   std::int64_t upto) override;
  void wake(stream::WriterNumber writer, std::span<const stream::Row> rows, std::int64_t upto) override;
  Task<stream::Updates> updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                std::size_t limit) override;

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;
  /// Adds nothing; false where something waits, so that what the sync's token acknowledges is deleted.
  bool append_always(const http::Requester& requester, std::string& out) noexcept override;

  void deleting(storage::WriteTransaction& tx, std::int64_t user,
                std::span<const std::string> devices) override;
  Task<void> changed(std::int64_t user, matrix::UserId user_id, std::vector<std::string> devices) override;

 private:
  using Devices = std::shared_ptr<const std::vector<Waiting>>;

  Task<Devices> load(std::int64_t user);

  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  stream::Notifier& notifier_;
  Cache<std::int64_t, Devices> waiting_;
  // Between `apply` and `wake`: those of this process's rows, and those of others', which come on two loops.
  std::vector<std::int64_t> own_;
  std::vector<std::int64_t> others_;
};

}  // namespace lares::to_device
