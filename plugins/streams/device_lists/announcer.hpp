// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/measure.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/device_lists.hpp>
#include <lares/service/devices.hpp>
#include <lares/stream/stream_writer.hpp>

#include <atomic>

#include "change.hpp"

namespace lares::device_lists {

/// Says what changed: now, or once it can be said, or, where the process ended before it could, at the next
/// start.
class Announcer final : public service::DeviceLists, public service::DeviceObserver {
 public:
  Announcer(Server& server, stream::StreamWriter<Change>& writer);

  /// Begins to say what was noted before this start and never said.
  void start();
  Task<void> stop() noexcept;

  void note(storage::WriteTransaction& tx, std::int64_t user) override;
  Task<void> changed(std::int64_t user, std::string user_id) override;
  Task<void> signed_others(std::int64_t user, std::string user_id, std::vector<std::string> others) override;

  void deleting(storage::WriteTransaction& tx, std::int64_t user,
                std::span<const std::string> devices) override;
  Task<void> changed(std::int64_t user, matrix::UserId user_id, std::vector<std::string> devices) override;

 private:
  /// Says what is noted, now and until all of it is said.
  void say_later();
  Task<void> catch_up();
  Task<bool> say_what_was_noted();
  Task<void> write(std::int64_t user, std::string user_id);

  Server& server_;
  stream::StreamWriter<Change>& writer_;
  MeasuredBlock announcing_;
  TaskGroup tasks_;
  // More to say than what the task under way has seen, and whether there is one.
  std::atomic<bool> more_{false};
  std::atomic<bool> saying_{false};
  log::Logger log_{"lares.device_lists"};
};

}  // namespace lares::device_lists
