// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/actor.hpp>
#include <lares/async/measure.hpp>
#include <lares/async/waiter.hpp>
#include <lares/base/log.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/service/server_keys.hpp>
#include <lares/storage/intern.hpp>

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "event_reader.hpp"
#include "persister.hpp"
#include "room_head.hpp"

namespace lares::events {

/// Bounds of a writer's memory and queues.
struct WriterLimits {
  std::size_t rooms = 10'000;            ///< rooms kept in memory while nothing is under way in them
  std::size_t bytes = 8U * 1024 * 1024;  ///< of the entries of all rooms in memory, about
  std::size_t room_queue_bytes = 4U * 1024 * 1024;  ///< of requests that wait for one room
  bool forget_on_leave = false;  ///< whoever leaves a room, or is removed from it, forgets it
};

/// The writer of the rooms that fall to this process: every room is an actor of its own, whose next event is
/// authorised and signed while the former is being committed.
///
/// **Threads**: any; everything happens on one loop.
class RoomWriter final : public service::EventWriter {
 public:
  /// Whether a room falls to this process.
  using Owns = std::function<bool(std::string_view room_id)>;

  RoomWriter(Runtime& runtime, storage::Database& database, storage::Interner& interner, stream::Hub& hub,
             const service::ServerKeys& keys, EventReader& reader, std::vector<service::EventSink*> sinks,
             Persister::Applied applied, Owns owns, WriterLimits limits);
  ~RoomWriter() override;

  Task<service::WriteResult> write(service::WriteRequest request) override;

  /// Waits for what is under way.
  Task<void> stop();
  [[nodiscard]] std::size_t rooms_in_memory() const noexcept { return rooms_.size(); }

 private:
  struct Room;

  Task<service::WriteResult> write_here(PreparedWritePtr write);
  Task<PreparedWritePtr> gather(service::WriteRequest request);
  Task<void> prepare(Room& room, PreparedWrite& write);
  Task<void> load_entries(RoomHead& head, const service::NewEvent& event);
  Task<void> load_path(RoomHead& head, std::int64_t state_key);
  Task<References> find_references(std::int64_t room, const service::NewEvent& event, std::int64_t sender);
  Task<void> find_place(PreparedWrite& write, std::int64_t event);
  Task<bool> find_transaction(PreparedWrite& write);
  Task<void> recover(PreparedWritePtr failed);
  Task<void> abandon(PreparedWritePtr write, std::exception_ptr error);

  std::shared_ptr<Room> room(std::int64_t number, std::size_t bytes);
  Task<void> enter(Room& room);
  void leave(const std::shared_ptr<Room>& room);
  void evict();
  std::int64_t new_create_ts();

  Runtime& runtime_;
  storage::Database& database_;
  storage::Interner& interner_;
  stream::Hub& hub_;
  const service::ServerKeys& keys_;
  EventReader& reader_;
  Owns owns_;
  WriterLimits limits_;
  std::atomic<std::int64_t> last_create_ts_{0};
  Actor actor_;
  Persister persister_;
  MeasuredBlock preparing_;
  std::unordered_map<std::int64_t, std::shared_ptr<Room>> rooms_;
  std::list<std::int64_t> idle_;  // least recently used first
  std::size_t bytes_ = 0;
  log::Logger log_{"lares.events.writer"};
};

}  // namespace lares::events
