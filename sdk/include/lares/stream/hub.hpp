// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/task.hpp>
#include <lares/base/export.hpp>
#include <lares/stream/stream.hpp>
#include <lares/stream/token.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::storage {
class ReadTransaction;
class WriteTransaction;
}  // namespace lares::storage

namespace lares::stream {

/// The process's place in replication: where each writer of each stream stands, as far as this process has
/// applied it. Every read is bounded by these positions, never by a table's maximum.
///
/// **Threads**: any.
class LARES_EXPORT Hub {
 public:
  static constexpr std::string_view kServiceId = "lares.hub/1";
  virtual ~Hub();

  /// This process's number among the writers.
  [[nodiscard]] virtual WriterNumber self() const noexcept = 0;

  /// The number of a process by its instance name; given at the first asking.
  virtual Task<WriterNumber> writer_number(std::string instance) = 0;

  /// Begins a position that no former process of this database has reached, for a stream in memory:
  /// `incarnation << 32`.
  [[nodiscard]] virtual std::int64_t incarnation_position() const noexcept = 0;
  /// The same of the process that writes such a stream: what its reader gives as `Stream::present`.
  virtual Task<std::int64_t> memory_start(StreamNumber stream) = 0;

  /// First statement of a transaction that writes a stream: holds this process's row in `writers` until the
  /// commit.
  /// **Errors**: Fenced if the row is gone, because another process has taken over. On a storage thread.
  virtual void lock_writer(storage::WriteTransaction& tx) = 0;

  /// Returns where nobody has taken over what this process writes, so that what it knows of it is all there
  /// is: asked before something is denied by it. What is written learns it from lock_writer.
  /// **Errors**: as lock_writer; those of the database.
  virtual Task<void> confirm_writer() = 0;

  /// Holds the writer's row, and takes the next `count` positions of a stream whose rows are in the database;
  /// gives the first. Whoever draws next waits for the commit, in any process, so that positions become
  /// visible in their order. (The stream of events has a sequence of its own instead.)
  /// **Errors**: as lock_writer. On a storage thread.
  virtual std::int64_t draw(storage::WriteTransaction& tx, std::string_view stream, std::int64_t count) = 0;
  /// The last position that this process has drawn and committed, 0 for none: what says whether a write whose
  /// COMMIT was not answered is there. On a storage thread.
  virtual std::int64_t drawn(storage::ReadTransaction& tx, std::string_view stream) = 0;

  /// While it lives, this process may have positions of the stream drawn that it has not announced. Without
  /// one, a writer among several follows the others' positions, so that nobody waits for it.
  class LARES_EXPORT Open {
   public:
    Open(Hub& hub, StreamNumber stream) : hub_(hub), stream_(stream) { hub_.opened(stream_, 1); }
    ~Open() { hub_.opened(stream_, -1); }
    Open(const Open&) = delete;
    Open& operator=(const Open&) = delete;

   private:
    Hub& hub_;
    StreamNumber stream_;
  };

  /// This process wrote rows and they are committed and applied here: their position is reached, and the
  /// other processes hear of them. `rows` is called only if there are other processes.
  virtual void committed(StreamNumber stream, std::int64_t position,
                         std::function<std::vector<Row>()> rows) = 0;

  /// The same for a stream without a number, which any process may write.
  virtual void published(std::string_view stream, std::int64_t position,
                         std::function<std::vector<Row>()> rows) = 0;

  /// False while what other processes write may not arrive: what they can make stale is then read from the
  /// database. True where there are no others.
  [[nodiscard]] virtual bool connected() const noexcept = 0;

  /// Where all streams stand now: the newest token that a response may carry.
  [[nodiscard]] virtual Token now() const = 0;
  [[nodiscard]] virtual StreamPosition position(StreamNumber stream) const = 0;

  /// Waits until this process has applied a writer's stream up to `position`. False at the deadline. Returns
  /// without suspending when it has already.
  virtual Task<bool> reached(StreamNumber stream, WriterNumber writer, std::int64_t position,
                             std::chrono::milliseconds deadline) = 0;

  /// Waits until this process has applied everything that a client was shown by another one: what it knows is
  /// then not older than what the client knows. False at the deadline.
  virtual Task<bool> reached(StreamNumber stream, StreamPosition position,
                             std::chrono::milliseconds deadline) = 0;

  /// A client's token without what no process has come to, as after the restore of a backup; `cut` says
  /// whether there was such. What this process alone has not come to stays, so that whoever comes from
  /// another one is shown nothing twice.
  virtual Task<Token> believed(Token token, bool& cut) = 0;

 protected:
  virtual void opened(StreamNumber stream, int change) noexcept = 0;
};

}  // namespace lares::stream
