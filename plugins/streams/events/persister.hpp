// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/promise.hpp>
#include <lares/async/task.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/time.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/storage/database.hpp>
#include <lares/stream/hub.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "room_head.hpp"

namespace lares::events {

/// Somebody was faster with the same transaction id: the event that stands is in the database.
struct DuplicateTransaction {};

/// The error of an annotation that its sender has made before.
[[nodiscard]] http::MatrixError duplicate_annotation();

/// The events of one request, prepared on top of their room's head, on their way to the database.
struct PreparedWrite {
  service::WriteRequest request;
  matrix::RoomId room_id;
  std::int64_t room = 0;
  std::vector<Interned> numbers;  ///< of the request's events, to prepare them once more
  matrix::EventPtr create;        ///< a create event that was built to know the room's id
  std::vector<PreparedEvent> events;
  std::vector<matrix::StateBlock> blocks;  ///< of state, made by these events
  HeadRow head;
  std::string version;
  bool new_room = false;
  std::optional<matrix::EventId> repeated;  ///< nothing was written, since this event says it already
  std::int64_t repeated_position = 0;
  Promise<std::int64_t> done;  ///< the position of the last event
  SteadyTime submitted_at{};
  /// What the request is charged, as if the batch had been its own: the wait for it, and the transaction.
  SteadyTime::duration waited{};
  SteadyTime::duration took{};

  PreparedWrite(service::WriteRequest what, matrix::RoomId where)
      : request(std::move(what)), room_id(std::move(where)) {}
};
using PreparedWritePtr = std::shared_ptr<PreparedWrite>;

/// Writes what the rooms of this process have prepared: all that waits goes into one transaction, and while
/// that commits the next batch gathers.
///
/// **Threads**: the writer's loop, except `commit_in`, which runs on a storage thread.
class Persister {
 public:
  /// What the writer does once a batch is committed: caches, positions, notification.
  using Applied = std::function<void(std::span<const std::shared_ptr<service::StoredEvent>> events,
                                     std::span<const PreparedWritePtr> writes)>;
  /// A batch has failed as a whole: the writes are to be prepared and committed anew, one by one.
  using Recover = std::function<Task<void>(std::vector<PreparedWritePtr> writes)>;

  Persister(storage::Database& database, stream::Hub& hub, Runtime& runtime,
            std::vector<service::EventSink*> sinks, Applied applied, Recover recover);

  /// Takes a write; its order among those of its room is kept.
  void submit(PreparedWritePtr write);
  /// Writes one batch in one transaction, now. **Errors**: DuplicateTransaction, storage errors; nothing is
  /// written then.
  Task<void> commit(std::vector<PreparedWritePtr> batch);

  /// Takes out what waits for one room, in order: it builds on a write that failed.
  [[nodiscard]] std::vector<PreparedWritePtr> take_waiting(std::int64_t room);
  [[nodiscard]] std::size_t waiting() const noexcept { return queue_.size(); }
  Task<void> stop();

 private:
  Task<void> run();
  std::int64_t commit_in(storage::WriteTransaction& tx, std::span<const PreparedWritePtr> batch,
                         std::span<const std::shared_ptr<service::StoredEvent>> events,
                         std::span<const service::StoredEventPtr> view,
                         std::span<const service::EventMarks> marks);

  storage::Database& database_;
  stream::Hub& hub_;
  Runtime& runtime_;
  std::vector<service::EventSink*> sinks_;
  Applied applied_;
  Recover recover_;
  std::deque<PreparedWritePtr> queue_;
  bool running_ = false;
  TaskGroup tasks_;
  log::Logger log_{"lares.events.persister"};
};

}  // namespace lares::events
