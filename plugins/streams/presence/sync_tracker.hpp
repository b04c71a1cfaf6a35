// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/cache.hpp>
#include <lares/async/event.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/service/presence.hpp>
#include <lares/service/rate_limiter.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "presence_writer.hpp"
#include "settings.hpp"

namespace lares::presence {

/// Who syncs with this process, and who does something here. A sync that changes nothing costs a look into a
/// table and two stores; the writer is told in batches.
///
/// **Threads**: any.
class SyncTracker final : public service::Presence, public service::EventSink {
 public:
  /// Devices that are kept; of further ones nobody hears.
  static constexpr std::size_t kMostDevices = 100'000;

  SyncTracker(Server& server, const Settings& settings, PresenceWriter& writer);

  void start();
  Task<void> stop();

  [[nodiscard]] std::shared_ptr<void> syncing(const http::Requester& requester,
                                              std::string_view set_presence) override;
  Task<void> announced(std::shared_ptr<void> syncing) override;

  Task<void> prepare(std::span<const service::StoredEventPtr> events,
                     std::span<service::EventMarks> marks) override;
  void write(storage::WriteTransaction& tx, std::span<const service::StoredEventPtr> events) override;
  /// Who sends an event is active.
  void committed(std::span<const service::StoredEventPtr> events) noexcept override;

 private:
  struct Key {
    std::int64_t user = 0;
    std::uint64_t device = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return (static_cast<std::size_t>(key.user) * std::size_t{0x9E3779B97F4A7C15U}) ^ key.device;
    }
  };
  /// A device that syncs, or a user who does something. One that syncs at this moment is held by its
  /// requests.
  struct Record {
    Key key;
    std::string user_id;
    bool syncs = false;
    std::atomic<State> state{State::kOnline};
    std::atomic<SteadyTime> used{};
    std::atomic<bool> ended{false};
    std::atomic<bool> announced{false};  ///< the writer was told once
    // Of the reporting task alone.
    SteadyTime reported{};
    bool was_busy = false;
  };
  using RecordPtr = std::shared_ptr<Record>;

  RecordPtr add(Key key, std::string_view user_id, bool syncs, State state);
  // On the first loop.
  Task<void> adopt(RecordPtr record);
  Task<void> hurry(RecordPtr record);
  Task<void> work();
  Task<void> tell(std::vector<Report> reports);
  [[nodiscard]] Report report_of(const Record& record, SteadyTime now) const;
  [[nodiscard]] std::vector<Report> reports_of(const std::vector<RecordPtr>& records) const;
  [[nodiscard]] std::vector<Report> collect();

  Server& server_;
  const Settings& settings_;
  PresenceWriter& writer_;
  service::Limiter* changes_ = nullptr;
  TaskGroup tasks_;
  Cache<Key, RecordPtr, KeyHash> records_;
  std::atomic<std::size_t> count_{0};
  Notification hurry_;
  Notification announced_;
  std::vector<RecordPtr> list_;    // of all; on the first loop
  std::vector<RecordPtr> urgent_;  // what is news; on the first loop
  log::Logger log_{"lares.presence"};
};

}  // namespace lares::presence
