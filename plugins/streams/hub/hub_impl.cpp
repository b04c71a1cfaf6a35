// SPDX-License-Identifier: Apache-2.0
#include "hub_impl.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/topology.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace lares::hub {

using storage::Row;
using storage::WriteTransaction;
using stream::StreamNumber;

namespace {

constexpr storage::Statement kFindWriter{"SELECT number, incarnation FROM writers WHERE name = $1"};
constexpr storage::Statement kAddWriter{
    "INSERT INTO writers (number, name, incarnation, started_ts) "
    "SELECT COALESCE(MAX(number), 0) + 1, CAST($1 AS TEXT), 0, CAST($2 AS BIGINT) FROM writers RETURNING "
    "number"};
constexpr storage::Statement kRenewWriter{
    "UPDATE writers SET incarnation = incarnation + 1, started_ts = $2 WHERE number = $1 RETURNING "
    "incarnation"};
constexpr storage::Statement kDraw{
    "INSERT INTO stream_positions (stream, writer, position) VALUES ($1, 0, CAST($2 AS BIGINT) + 1) "
    "ON CONFLICT (stream, writer) DO UPDATE SET position = stream_positions.position + $2 RETURNING "
    "position"};
constexpr storage::Statement kKeepDrawn{
    "INSERT INTO stream_positions (stream, writer, position) VALUES ($1, $2, $3) "
    "ON CONFLICT (stream, writer) DO UPDATE SET position = excluded.position"};
constexpr storage::Statement kDrawn{
    "SELECT position FROM stream_positions WHERE stream = $1 AND writer = $2"};
// Who draws a position holds its row until the end, so once this has come through, whatever was drawn before
// is committed or gone.
constexpr storage::Statement kWaitForWriters{storage::Sql{
    "SELECT number FROM writers LIMIT 1", "SELECT number FROM writers ORDER BY number FOR UPDATE"}};
// On SQLite the lock on the data folder has the same effect.
constexpr storage::Statement kLockWriter{
    storage::Sql{"SELECT 1 FROM writers WHERE number = $1 AND incarnation = $2",
                 "SELECT 1 FROM writers WHERE number = $1 AND incarnation = $2 FOR SHARE"}};

// The last message lost has no successor that would show the gap.
constexpr std::chrono::seconds kRepeatPositions{2};
constexpr std::size_t kRowsPerStep = 500;

}  // namespace

storage::Schema hub_schema() {
  return {.plugin = "hub",
          .migrations = {{.number = 1,
                          .kind = storage::MigrationKind::Expand,
                          .summary = "Adds the processes that write.",
                          .statements = {storage::Sql{
                              "CREATE TABLE writers (number BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
                              "incarnation BIGINT NOT NULL, started_ts BIGINT NOT NULL)"}}},
                         {.number = 2,
                          .kind = storage::MigrationKind::Expand,
                          .summary = "Adds the positions that streams have come to.",
                          // Writer 0 is the stream as a whole, whose row a draw locks.
                          .statements = {storage::Sql{
                              "CREATE TABLE stream_positions (stream TEXT NOT NULL, writer BIGINT NOT NULL, "
                              "position BIGINT NOT NULL, PRIMARY KEY (stream, writer)) {clustered}"}}}},
          .tables = {{.name = "writers",
                      .key = {"number"},
                      .owners = {{.kind = storage::OwnerKind::None}},
                      .bound = "one per worker name that ever wrote",
                      .ends = "never: tokens name writers by their number"},
                     {.name = "stream_positions",
                      .key = {"stream", "writer"},
                      .owners = {{.kind = storage::OwnerKind::None}},
                      .bound = "one per stream and process that ever wrote it",
                      .ends = "never: no position is given twice"}}};
}

HubImpl::HubImpl(Server& server, storage::Database& database)
    : server_(server),
      database_(database),
      tasks_(server.runtime(), "replication"),
      numbers_(tasks_, {.name = "writer_numbers", .server_name = server.name(), .max_size = 1000}) {}

Task<stream::WriterNumber> HubImpl::writer_number(std::string instance) {
  return numbers_.get(std::move(instance),
                      [this](const std::string& wanted) { return load_writer_number(wanted); });
}

Task<stream::WriterNumber> HubImpl::load_writer_number(std::string instance) {
  const std::int64_t now = server_.runtime().now_ms();
  const std::int64_t number = co_await database_.write("name_writer", [&instance, now](WriteTransaction& tx) {
    tx.lock("writers");
    const auto found =
        tx.maybe(kFindWriter, std::string_view{instance}, [](const Row& row) { return row.i64(0); });
    return found ? *found : tx.one(kAddWriter, std::string_view{instance}, now, [](const Row& row) {
      return row.i64(0);
    });
  });
  co_return static_cast<stream::WriterNumber>(number);
}

Task<void> HubImpl::start() {
  const std::int64_t now = server_.runtime().now_ms();
  self_ = co_await writer_number(server_.instance());
  const std::int64_t self = self_;
  incarnation_ = co_await database_.write("register_writer", [self, now](WriteTransaction& tx) {
    return tx.one(kRenewWriter, self, now, [](const Row& row) { return row.i64(0); });
  });
  const ConfigPtr config = server_.config();
  std::vector<std::pair<StreamNumber, std::int64_t>> present;
  for (stream::Stream* stream : server_.services().all<stream::Stream>()) {
    const std::optional<StreamNumber> number = stream::stream_number(stream->name());
    if (!number) {
      continue;
    }
    Inbox& inbox = inboxes_[std::string{stream->name()}];
    inbox.stream = stream;
    inbox.number = *number;
    for (const std::string& writer : stream::stream_writers(*config, stream->name())) {
      board_.add_writer(*number, co_await writer_number(writer));
      if (writer == server_.instance()) {
        own_.push_back(*number);
      }
    }
    // 1 is what a reader of an empty stream has seen.
    present.emplace_back(*number, std::max<std::int64_t>(1, co_await stream->present(database_)));
  }
  co_await database_.write("wait_for_writers",
                           [](WriteTransaction& tx) { tx.each(kWaitForWriters, [](const Row&) {}); });
  for (const auto& [number, position] : present) {
    board_.set_floor(number, position);
    written_[static_cast<std::size_t>(number)].store(position, std::memory_order_release);
  }
  for (stream::Transport* transport : server_.services().all<stream::Transport>()) {
    if (transport->active()) {
      transports_.push_back(transport);
      transport->open(*this);
    }
  }
  if (!transports_.empty()) {
    spawn(tasks_, Background{"replication-positions"}, repeat_positions());
  }
}

Task<void> HubImpl::stop() noexcept {
  for (stream::Transport* transport : transports_) {
    co_await transport->close();
  }
  co_await tasks_.stop();
}

void HubImpl::lock_writer(WriteTransaction& tx) {
  if (!tx.any(kLockWriter, static_cast<std::int64_t>(self_), incarnation_)) {
    throw http::unavailable("Another process has taken over.")
        .because("This process's row in `writers` belongs to another incarnation: it was replaced.");
  }
}

Task<std::int64_t> HubImpl::memory_start(StreamNumber stream) {
  const std::vector<std::string> writers =
      stream::stream_writers(*server_.config(), stream::stream_name(stream));
  const std::int64_t incarnation =
      co_await database_.read("memory_stream_start", [&writers](storage::ReadTransaction& tx) {
        std::int64_t highest = 0;
        for (const std::string& writer : writers) {
          const auto found =
              tx.maybe(kFindWriter, std::string_view{writer}, [](const Row& row) { return row.i64(1); });
          highest = std::max(highest, found.value_or(0));
        }
        return highest;
      });
  co_return incarnation << 32;
}

std::int64_t HubImpl::draw(WriteTransaction& tx, StreamNumber stream, std::int64_t count) {
  lock_writer(tx);
  const std::string_view name = stream::stream_name(stream);
  const std::int64_t last = tx.one(kDraw, name, count, [](const Row& row) { return row.i64(0); });
  tx.exec(kKeepDrawn, name, static_cast<std::int64_t>(self_), last);
  return last - count + 1;
}

std::int64_t HubImpl::drawn(storage::ReadTransaction& tx, StreamNumber stream) {
  return tx
      .maybe(kDrawn, stream::stream_name(stream), static_cast<std::int64_t>(self_),
             [](const Row& row) { return row.i64(0); })
      .value_or(0);
}

void HubImpl::opened(StreamNumber stream, int change) noexcept {
  // The sum in the low half, the number of changes in the high half: what was open in between shows too.
  open_[static_cast<std::size_t>(stream)].fetch_add(
      (std::uint64_t{1} << 32U) + static_cast<std::uint64_t>(change), std::memory_order_acq_rel);
}

void HubImpl::committed(StreamNumber stream, std::int64_t position,
                        std::function<std::vector<stream::Row>()> rows) {
  board_.advance(stream, self_, position);
  written_[static_cast<std::size_t>(stream)].store(position, std::memory_order_release);
  if (transports_.empty()) {
    return;
  }
  const std::vector<stream::Row> list = rows();
  for (std::size_t i = 0; i < list.size(); ++i) {
    // Rows that share a position travel as a batch that its last row closes.
    const bool last = i + 1 == list.size() || list[i + 1].position != list[i].position;
    publish(stream::format_rdata(stream::stream_name(stream), server_.instance(),
                                 last ? std::optional{list[i].position} : std::nullopt, list[i].json));
  }
}

void HubImpl::publish(const std::string& line) {
  for (stream::Transport* transport : transports_) {
    transport->publish(line);
  }
}

void HubImpl::announce() {
  for (const StreamNumber stream : own_) {
    // In this order: what is written in between is above the position.
    const std::int64_t position = board_.position(stream).of(self_);
    const std::int64_t written = written_[static_cast<std::size_t>(stream)].load(std::memory_order_acquire);
    publish(stream::format_position(stream::stream_name(stream), server_.instance(),
                                    std::min(written, position), position));
  }
}

Task<void> HubImpl::repeat_positions() {
  while (!tasks_.cancelled()) {
    co_await server_.runtime().sleep_for(kRepeatPositions);
    try {
      co_await follow();
    } catch (const std::exception& error) {
      log_.warning("The positions of the streams could not be read: {}", error.what());
    }
    announce();
  }
}

// A writer among several that has nothing open is as far as all of them together: without this, what the
// others write would stay ahead of the stream's minimum for as long as this one is idle.
Task<void> HubImpl::follow() {
  const ConfigPtr config = server_.config();
  for (const StreamNumber stream : own_) {
    const std::string_view name = stream::stream_name(stream);
    if (stream::stream_writers(*config, name).size() < 2) {
      continue;
    }
    const std::atomic<std::uint64_t>& open = open_[static_cast<std::size_t>(stream)];
    const std::uint64_t seen = open.load(std::memory_order_acquire);
    if (static_cast<std::uint32_t>(seen) != 0) {
      continue;
    }
    const std::int64_t present = co_await inboxes_.find(name)->second.stream->present(database_);
    // Whatever was opened since then draws higher positions, but they may already be announced.
    if (open.load(std::memory_order_acquire) == seen) {
      board_.advance(stream, self_, present);
    }
  }
}

void HubImpl::connected() {
  for (auto& [name, inbox] : inboxes_) {
    inbox.in_step.clear();
    inbox.batches.clear();
  }
  log_.info("Connected to the other processes.");
  publish("REPLICATE");
  announce();
}

void HubImpl::disconnected() {
  log_.warning("The connection to the other processes is lost; it is made anew.");
}

void HubImpl::received(std::string line) {
  auto command = stream::parse_command(line);
  if (!command) {
    log_.warning("A replication command cannot be read: {}", command.error());
    return;
  }
  if (auto* rdata = std::get_if<stream::RdataCommand>(&*command)) {
    if (rdata->instance != server_.instance()) {
      const std::string stream = rdata->stream;
      const std::string instance = rdata->instance;
      enqueue(stream, instance, std::move(*command));
    }
  } else if (auto* position = std::get_if<stream::PositionCommand>(&*command)) {
    if (position->instance != server_.instance()) {
      const std::string stream = position->stream;
      const std::string instance = position->instance;
      enqueue(stream, instance, std::move(*command));
    }
  } else if (std::holds_alternative<stream::ReplicateCommand>(*command)) {
    announce();
  }
}

void HubImpl::enqueue(const std::string& stream, const std::string& instance, stream::Command command) {
  const auto found = inboxes_.find(stream);
  if (found == inboxes_.end()) {
    return;
  }
  Inbox& inbox = found->second;
  if (inbox.queue.size() >= kMostQueued) {
    if (inbox.in_step.erase(instance) != 0) {
      log_.warning(
          "The stream {} has {} commands waiting; further ones of {} are fetched from the database later.",
          stream, inbox.queue.size(), instance);
    }
    return;
  }
  if (std::holds_alternative<stream::PositionCommand>(command)) {
    inbox.in_step.insert(instance);
  } else if (!inbox.in_step.contains(instance)) {
    // A row behind a gap would hide the gap; the writer repeats its position, which shows it.
    return;
  }
  inbox.queue.push_back(std::move(command));
  if (!std::exchange(inbox.working, true)) {
    spawn(tasks_, Background{"replication-RDATA-" + stream}, work(inbox), &server_.runtime().loop(0));
  }
}

Task<void> HubImpl::work(Inbox& inbox) {
  while (!inbox.queue.empty()) {
    stream::Command command = std::move(inbox.queue.front());
    inbox.queue.pop_front();
    std::string instance;
    try {
      if (auto* rdata = std::get_if<stream::RdataCommand>(&command)) {
        instance = rdata->instance;
        co_await take(inbox, std::move(*rdata));
      } else if (auto* position = std::get_if<stream::PositionCommand>(&command)) {
        instance = position->instance;
        co_await take(inbox, std::move(*position));
      }
    } catch (const std::exception& error) {
      // The position has not moved, so the writer's next announcement brings what was missed.
      inbox.behind.insert(instance);
      log_.warning("Rows of the stream {} were not taken up: {}", inbox.stream->name(), error.what());
    }
  }
  inbox.working = false;
}

Task<void> HubImpl::take(Inbox& inbox, stream::RdataCommand command) {
  std::vector<stream::Row>& batch = inbox.batches[command.instance];
  if (inbox.behind.contains(command.instance)) {
    batch.clear();
    co_return;
  }
  if (batch.size() >= kMostQueued) {
    batch.clear();
    inbox.behind.insert(command.instance);
    co_return;
  }
  batch.push_back({command.token.value_or(0), std::move(command.row)});
  if (!command.token) {
    co_return;
  }
  std::vector<stream::Row> rows = std::exchange(batch, {});
  for (stream::Row& row : rows) {
    row.position = *command.token;
  }
  const stream::WriterNumber writer = co_await writer_number(command.instance);
  if (board_.position(inbox.number).of(writer) >= *command.token) {
    co_return;
  }
  co_await inbox.stream->apply(writer, rows, *command.token);
  board_.advance(inbox.number, writer, *command.token);
  inbox.stream->wake(writer, rows, *command.token);
}

Task<void> HubImpl::take(Inbox& inbox, stream::PositionCommand command) {
  const stream::WriterNumber writer = co_await writer_number(command.instance);
  const std::int64_t here = board_.position(inbox.number).of(writer);
  if (here < command.previous) {
    inbox.batches.erase(command.instance);
    co_await fill(inbox, writer, command.current);
  }
  board_.advance(inbox.number, writer, command.current);
  inbox.behind.erase(command.instance);
}

Task<void> HubImpl::fill(Inbox& inbox, stream::WriterNumber writer, std::int64_t upto) {
  for (;;) {
    const std::int64_t from = board_.position(inbox.number).of(writer);
    if (from >= upto) {
      co_return;
    }
    const stream::Updates updates = co_await inbox.stream->updates(writer, from, upto, kRowsPerStep);
    if (!updates.rows.empty()) {
      co_await inbox.stream->apply(writer, updates.rows, updates.upto);
    }
    board_.advance(inbox.number, writer, updates.upto);
    if (!updates.rows.empty()) {
      inbox.stream->wake(writer, updates.rows, updates.upto);
    }
    // A writer that `stream_writers` does not name has no place on the board and never gets further.
    if (!updates.limited || board_.position(inbox.number).of(writer) == from) {
      co_return;
    }
  }
}

Task<bool> HubImpl::reached(StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                            std::chrono::milliseconds deadline) {
  if (board_.covers(stream, writer, position)) {
    co_return true;
  }
  co_return co_await board_.reached(stream, writer, position, server_.runtime().steady_now() + deadline);
}

}  // namespace lares::hub
