// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <lares/async/promise.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/plugin/server.hpp>
#include <lares/storage/database.hpp>
#include <lares/stream/hub.hpp>
#include <lares/stream/peers.hpp>
#include <lares/stream/stream.hpp>
#include <lares/stream/topology.hpp>

#include <any>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::stream {

/// The part of StreamWriter that does not depend on the type of its changes.
class LARES_EXPORT StreamWriterBase {
 public:
  StreamWriterBase(const StreamWriterBase&) = delete;
  StreamWriterBase& operator=(const StreamWriterBase&) = delete;

  /// Changes that wait for the transaction under way; further ones are refused with M_LIMIT_EXCEEDED.
  static constexpr std::size_t kMostWaiting = 10'000;
  /// As many changes go into one transaction.
  static constexpr std::size_t kMostAtOnce = 200;

  /// Waits for what is queued. Call it from the plugin's drain.
  Task<void> drain();

 protected:
  StreamWriterBase(Server& server, Stream& reader, StreamNumber stream);
  virtual ~StreamWriterBase();

  virtual void store(storage::WriteTransaction& tx, const std::any& change, std::int64_t position) = 0;
  virtual void append_rows(const std::any& change, std::vector<Row>& rows, std::int64_t position) = 0;
  [[nodiscard]] virtual std::string encode(const std::any& change) = 0;
  /// A change as another process sent it, with the numbers that this one knows its identifiers by.
  virtual Task<std::any> decode(std::string text) = 0;

  Task<std::int64_t> write_any(std::string key, std::any change);

 private:
  /// Where a change stands, and what writing it cost, which is the request's.
  struct Written {
    std::int64_t position = 0;
    SteadyTime::duration waited{};
    SteadyTime::duration took{};
  };
  struct Waiting {
    std::any change;
    SteadyTime since{};
    Promise<Written> done;
  };

  Task<nlohmann::json> take(nlohmann::json body);
  Task<std::int64_t> write_here(std::any change);
  Task<void> run();
  Task<void> commit(std::vector<Waiting>& batch);
  Task<std::int64_t> last_drawn(Hub& hub, storage::Database& database);

  Server& server_;
  Stream& reader_;
  StreamNumber stream_;
  ShardMap shards_;
  std::string path_;
  TaskGroup tasks_;
  std::mutex mutex_;
  std::deque<Waiting> queue_;
  bool running_ = false;
  std::int64_t last_drawn_ = -1;  // by the task under way; negative before the first
  // After a write that may be there or not: until that is known, this process is not taken for idle.
  std::optional<Hub::Open> unsure_;
};

/// The writing side of a stream whose rows are in the database. Everything that waits goes into one
/// transaction, and while that commits the next gathers. In a process that does not write the stream, changes
/// go to the one that does; the caller cannot tell which.
///
/// Construct it in the plugin's constructor (it adds the route of the writer's process) and `drain` it in the
/// plugin's `drain`. Afterwards the reader has applied the change's rows in this process.
///
/// **Threads**: any.
template <class Change>
class StreamWriter final : public StreamWriterBase {
 public:
  struct Parts {
    /// Writes one change at its position: SQL alone. Doing it twice does no harm, since a change whose answer
    /// was lost on the way between processes is sent again.
    std::function<void(storage::WriteTransaction& tx, const Change& change, std::int64_t position)> store;
    /// The JSON arrays of its rows as they travel; at least one. They say whom and what it concerns.
    std::function<std::vector<std::string>(const Change& change)> rows;
    /// A change as JSON text for another process, and back; `decode` throws nlohmann's exceptions. Numbers of
    /// users, rooms and events do not travel: identifiers do.
    std::function<std::string(const Change& change)> encode;
    std::function<Change(const std::string& text)> decode;
    /// Gives a decoded change the numbers of its identifiers. Empty where it has none.
    std::function<Task<void>(Change& change)> number = {};
  };

  StreamWriter(Server& server, Stream& reader, StreamNumber stream, Parts parts)
      : StreamWriterBase(server, reader, stream), parts_(std::move(parts)) {}

  /// Returns after the commit, and after this process has applied it (or 5 s later, if replication is away);
  /// gives the position. `key` is the room or user it is about: changes of one key keep their order.
  /// **Errors**: MatrixError 429 when too much waits, 503 when the database or the writer is away; what
  /// `store` throws. **Cancellation**: none once called.
  Task<std::int64_t> write(std::string key, Change change) {
    return write_any(std::move(key), std::any{std::move(change)});
  }

 private:
  void store(storage::WriteTransaction& tx, const std::any& change, std::int64_t position) override {
    parts_.store(tx, std::any_cast<const Change&>(change), position);
  }
  void append_rows(const std::any& change, std::vector<Row>& rows, std::int64_t position) override {
    for (std::string& json : parts_.rows(std::any_cast<const Change&>(change))) {
      rows.push_back({position, std::move(json)});
    }
  }
  std::string encode(const std::any& change) override {
    return parts_.encode(std::any_cast<const Change&>(change));
  }
  Task<std::any> decode(std::string text) override {
    Change change = parts_.decode(text);
    if (parts_.number) {
      co_await parts_.number(change);
    }
    co_return std::any{std::move(change)};
  }

  Parts parts_;
};

}  // namespace lares::stream
