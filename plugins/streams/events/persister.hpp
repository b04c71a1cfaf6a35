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
#include <exception>
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

/// What a new event refers to: looked up before its room is entered, since it does not depend on what is
/// being written there.
struct References {
  std::optional<RedactionTarget> redacted;
  std::optional<StoredRelation> relation;
  std::int64_t thread = 0;  ///< that the relation puts it into
  bool repeats = false;     ///< an annotation that its sender has made before
  bool no_thread = false;   ///< a thread was to begin at an event that relates to another
};

/// The events of one request, prepared on top of their room's head, on their way to the database.
struct PreparedWrite {
  service::WriteRequest request;
  matrix::RoomId room_id;
  std::int64_t room = 0;
  std::vector<Interned> numbers;       ///< of the request's events, to prepare them once more
  std::vector<References> references;  ///< of the request's events
  matrix::EventPtr create;             ///< a create event that was built to know the room's id
  std::vector<PreparedEvent> events;
  std::vector<matrix::StateBlock> blocks;  ///< of state, made by these events
  HeadRow head;
  std::string version;
  bool new_room = false;
  std::optional<matrix::EventId> repeated;  ///< nothing was written, since this event says it already
  std::int64_t repeated_position = 0;       ///< 0 while it is being committed
  stream::WriterNumber repeated_writer = 0;
  Promise<std::int64_t> done;  ///< the position of the last event
  SteadyTime submitted_at{};
  /// What the request is charged, as if the batch had been its own: the wait for it, and the transaction.
  SteadyTime::duration waited{};
  SteadyTime::duration took{};

  PreparedWrite(service::WriteRequest what, matrix::RoomId where)
      : request(std::move(what)), room_id(std::move(where)) {}
};
using PreparedWritePtr = std::shared_ptr<PreparedWrite>;

/// What becomes a row of `events`.
struct EventRow {
  const PreparedEvent* event;
  std::string header;
  service::EventMarks marks = {};
};

/// Rows of events that have none yet. On a storage thread.
void insert_events(storage::WriteTransaction& tx, std::span<const EventRow> rows);
/// What the events relate to. Gives how many are noted: fewer where a user has said the same before.
std::int64_t insert_relations(storage::WriteTransaction& tx, std::span<const PreparedEvent* const> events);

/// Writes what the rooms of this process have prepared: all that waits goes into one transaction, and while
/// that commits the next batch gathers.
///
/// **Threads**: the writer's loop, except `commit_in`, which runs on a storage thread.
class Persister {
 public:
  /// What the writer does once a batch is committed: caches, positions, notification.
  using Applied = std::function<void(std::span<const std::shared_ptr<service::StoredEvent>> events,
                                     std::span<const PreparedWritePtr> writes)>;
  /// A write has failed by itself, and everything before it is settled: it is to be prepared and committed
  /// anew, and what waits behind it in its room with it.
  using Recover = std::function<Task<void>(PreparedWritePtr failed)>;
  /// No write can be written now, by no fault of its own: this one is to be answered so, and what waits
  /// behind it in its room.
  using Abandon = std::function<Task<void>(PreparedWritePtr write, std::exception_ptr error)>;

  Persister(storage::Database& database, stream::Hub& hub, Runtime& runtime,
            std::vector<service::EventSink*> sinks, Applied applied, Recover recover, Abandon abandon);

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
                         std::span<const service::EventMarks> marks, std::int64_t now_ts);

  storage::Database& database_;
  stream::Hub& hub_;
  Runtime& runtime_;
  std::vector<service::EventSink*> sinks_;
  Applied applied_;
  Recover recover_;
  Abandon abandon_;
  std::deque<PreparedWritePtr> queue_;
  bool running_ = false;
  TaskGroup tasks_;
  log::Logger log_{"lares.events.persister"};
};

}  // namespace lares::events
