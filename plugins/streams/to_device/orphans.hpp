// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/devices.hpp>
#include <lares/storage/database.hpp>

#include <cstdint>
#include <span>

#include "store.hpp"

namespace lares::to_device {

/// Deletes the messages of devices that are gone: one that was under way when its device was deleted is
/// stored after what the deletion found, and no device would ever take it. The process that writes the stream
/// looks for them when it starts and once a day, so that no message need ask for its device.
///
/// **Threads**: any.
class Orphans {
 public:
  explicit Orphans(Server& server);

  void start();
  Task<void> stop() noexcept { co_await tasks_.stop(); }

 private:
  Task<void> run();
  Task<void> sweep();
  /// Of devices of one user.
  Task<void> sweep(std::span<const Addressee> devices, std::int64_t upto);

  Server& server_;
  storage::Database& database_;
  TaskGroup tasks_;
  log::Logger log_{"lares.to_device"};
};

}  // namespace lares::to_device
