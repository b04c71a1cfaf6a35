// SPDX-License-Identifier: Apache-2.0
#include <lares/async/runtime.hpp>
#include <lares/base/log.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/stream/stream_writer.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace lares::stream {

namespace {

constexpr std::chrono::milliseconds kApplied{5'000};
// A reader that cannot take up this process's own rows, as when the database is away for a moment, is asked
// again so often, with pauses that grow to a second.
constexpr int kApplyTries = 12;
constexpr std::chrono::milliseconds kFirstPause{5};
constexpr std::chrono::milliseconds kLongestPause{1'000};

log::Logger& logger() {
  static log::Logger instance{"lares.replication.writer"};
  return instance;
}

// What is committed cannot be taken back, and a stream that stands still is worse than a stale cache.
Task<void> apply_own(Runtime& runtime, Stream& reader, WriterNumber self, const std::vector<Row>& rows,
                     std::int64_t upto) {
  std::chrono::milliseconds pause = kFirstPause;
  for (int left = kApplyTries; left > 0; --left) {
    try {
      co_await reader.apply(self, rows, upto);
      co_return;
    } catch (const std::exception& error) {
      if (left == 1) {
        logger().error("Rows of the stream {} were written, but not taken up here: {}", reader.name(),
                       error.what());
        co_return;
      }
    }
    co_await runtime.sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace

StreamWriterBase::StreamWriterBase(Server& server, Stream& reader, StreamNumber stream)
    : server_(server),
      reader_(reader),
      stream_(stream),
      shards_(*server.config(), stream_name(stream), server.instance()),
      path_("/_lares/replication/v1/" + std::string{stream_name(stream)} + "/write"),
      tasks_(server.runtime(), std::string{stream_name(stream)} + " writer") {
  if (has_other_processes(*server.config()) &&
      writes_stream(*server.config(), stream_name(stream), server.instance())) {
    add_peer_route(server, "ReplicationWriteStream", path_,
                   [this](nlohmann::json body) -> Task<nlohmann::json> { return take(std::move(body)); });
  }
}

StreamWriterBase::~StreamWriterBase() = default;

Task<void> StreamWriterBase::drain() {
  co_await tasks_.join();
}

Task<nlohmann::json> StreamWriterBase::take(nlohmann::json body) {
  if (const std::string key = body.value("key", ""); !key.empty() && !shards_.mine(key)) {
    throw http::unavailable("The change could not be written.")
        .because("It falls to " + shards_.writer_of(key) + ": stream_writers." +
                 std::string{stream_name(stream_)} + " differs between the processes.");
  }
  std::any change = co_await decode(body.at("change").get<std::string>());
  const std::int64_t position = co_await write_here(std::move(change));
  co_return nlohmann::json{{"position", position}};
}

Task<std::int64_t> StreamWriterBase::write_any(std::string key, std::any change) {
  if (shards_.mine(key)) {
    co_return co_await write_here(std::move(change));
  }
  const std::string instance = shards_.writer_of(key);
  const std::string text = encode(change);
  nlohmann::json body = {{"change", text}, {"key", key}};
  const nlohmann::json answer =
      co_await server_.services().get<Peers>().call(instance, path_, std::move(body), Repeat::kFreely);
  const auto position = answer.at("position").get<std::int64_t>();
  Hub& hub = server_.services().get<Hub>();
  const WriterNumber writer = co_await hub.writer_number(instance);
  co_await hub.reached(stream_, writer, position, kApplied);
  co_return position;
}

Task<std::int64_t> StreamWriterBase::write_here(std::any change) {
  Future<Written> done;
  bool start = false;
  {
    const std::lock_guard lock{mutex_};
    if (queue_.size() >= kMostWaiting) {
      throw http::limit_exceeded(std::chrono::seconds{1});
    }
    Waiting& waiting = queue_.emplace_back();
    waiting.change = std::move(change);
    waiting.since = server_.runtime().steady_now();
    done = waiting.done.future();
    start = !std::exchange(running_, true);
  }
  if (start) {
    // On the first loop, from which the transports send: what two loops hand over keeps no order, and a row
    // behind a later one counts as taken up everywhere else.
    spawn(tasks_, Background{"write-" + std::string{stream_name(stream_)}, server_.name()}, run(),
          &server_.runtime().loop(0));
  }
  const Written written = co_await done.get();
  current_context().add_db_sched(written.waited);
  current_context().add_db_transaction(written.took);
  co_return written.position;
}

Task<void> StreamWriterBase::run() {
  for (;;) {
    std::vector<Waiting> batch;
    {
      const std::lock_guard lock{mutex_};
      while (!queue_.empty() && batch.size() < kMostAtOnce) {
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      if (batch.empty()) {
        running_ = false;
        co_return;
      }
    }
    std::exception_ptr failure;
    try {
      co_await commit(batch);
    } catch (const std::exception& error) {
      failure = std::current_exception();
      logger().warning("{} changes of the stream {} were not written: {}", batch.size(), stream_name(stream_),
                       error.what());
    }
    if (!failure) {
      continue;
    }
    if (batch.size() == 1) {
      batch.front().done.fail(failure);
      continue;
    }
    // One bad change fails alone.
    for (Waiting& waiting : batch) {
      std::vector<Waiting> single;
      single.push_back(std::move(waiting));
      try {
        co_await commit(single);
      } catch (...) {
        single.front().done.fail(std::current_exception());
      }
    }
  }
}

Task<void> StreamWriterBase::commit(std::vector<Waiting>& batch) {
  Hub& hub = server_.services().get<Hub>();
  auto& database = server_.services().get<storage::Database>();
  const Hub::Open open{hub, stream_};
  const auto count = static_cast<std::int64_t>(batch.size());
  const std::int64_t before = co_await last_drawn(hub, database);
  last_drawn_ = -1;
  const SteadyTime begun = server_.runtime().steady_now();
  unsure_.emplace(hub, stream_);
  const std::int64_t first = co_await database.write_certain(
      "write_stream",
      [this, &hub, &batch, count](storage::WriteTransaction& tx) {
        const std::int64_t drawn = hub.draw(tx, stream_name(stream_), count);
        for (std::int64_t i = 0; i < count; ++i) {
          store(tx, batch[static_cast<std::size_t>(i)].change, drawn + i);
        }
        return drawn;
      },
      [this, &hub, before, count](storage::WriteTransaction& tx) -> std::optional<std::int64_t> {
        const std::int64_t drawn = hub.drawn(tx, stream_name(stream_));
        return drawn == before ? std::nullopt : std::optional{drawn - count + 1};
      });
  const SteadyTime::duration took = server_.runtime().steady_now() - begun;
  last_drawn_ = first + count - 1;
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < count; ++i) {
    append_rows(batch[static_cast<std::size_t>(i)].change, rows, first + i);
  }
  co_await apply_own(server_.runtime(), reader_, hub.self(), rows, last_drawn_);
  hub.committed(stream_, last_drawn_, [&rows] { return rows; });
  reader_.wake(hub.self(), rows, last_drawn_);
  WakeBatch wake;
  for (std::int64_t i = 0; i < count; ++i) {
    Waiting& waiting = batch[static_cast<std::size_t>(i)];
    waiting.done.set(Written{first + i, begun - waiting.since, took}, wake);
  }
  unsure_.reset();
}

// What this process has drawn up to now. After a write whose outcome never became known, what it left in the
// database is taken up first.
Task<std::int64_t> StreamWriterBase::last_drawn(Hub& hub, storage::Database& database) {
  if (last_drawn_ >= 0) {
    co_return last_drawn_;
  }
  const std::int64_t drawn = co_await database.read(
      "stream_drawn",
      [this, &hub](storage::ReadTransaction& tx) { return hub.drawn(tx, stream_name(stream_)); });
  for (std::int64_t here = hub.position(stream_).of(hub.self()); here < drawn;) {
    Updates updates = co_await reader_.updates(hub.self(), here, drawn, kMostAtOnce);
    co_await apply_own(server_.runtime(), reader_, hub.self(), updates.rows, updates.upto);
    hub.committed(stream_, updates.upto, [&updates] { return updates.rows; });
    reader_.wake(hub.self(), updates.rows, updates.upto);
    here = updates.upto;
  }
  unsure_.reset();
  co_return drawn;
}

}  // namespace lares::stream
