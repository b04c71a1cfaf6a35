// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/cache_stream.hpp>
#include <lares/service/devices.hpp>
#include <lares/service/sync.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace lares::keys {

/// What every sync says of a device's keys that are left: from memory, since most syncs have nothing else to
/// say. Also ends the keys of devices that are deleted.
///
/// spec: Client-Server API, "Extensions to /sync" under "End-to-End Encryption"
/// **Threads**: any.
class Counts final : public service::SyncContributor, public service::DeviceObserver {
 public:
  Counts(Server& server, TaskGroup& loads);

  Task<void> contribute(service::SyncScope& scope, service::SyncResponse& response) override;
  bool append_always(const http::Requester& requester, std::string& out) noexcept override;

  /// In the transaction that changes a user's keys; gives what `committed` wants.
  std::int64_t invalidate(storage::WriteTransaction& tx, std::string_view user_id, std::int64_t now_ts);
  void committed(std::string_view user_id, std::int64_t position);

  void deleting(storage::WriteTransaction& tx, std::int64_t user,
                std::span<const std::string> devices) override;
  Task<void> changed(std::int64_t user, matrix::UserId user_id, std::vector<std::string> devices) override;

 private:
  /// Of one device, as JSON.
  struct Texts {
    std::string one_time;         ///< object
    std::string unused_fallback;  ///< array
    std::string members;          ///< all of it as members, each followed by a comma
  };
  using Devices = std::shared_ptr<const std::map<std::string, Texts>>;

  Task<Devices> load(std::int64_t user);
  [[nodiscard]] const Texts& of(const Devices& devices, const http::Requester& requester) const;

  storage::Database& database_;
  service::CacheStream& caches_;
  Cache<std::string, Devices> counts_;  // by user id
  const Texts none_;
};

}  // namespace lares::keys
