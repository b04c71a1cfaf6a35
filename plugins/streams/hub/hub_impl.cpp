// SPDX-License-Identifier: Apache-2.0
#include "hub_impl.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/json/scanner.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/transaction.hpp>
#include <lares/stream/topology.hpp>

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <set>
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
// Higher than any other process's, so that the positions of a stream in memory go on when another process
// comes to write it.
constexpr storage::Statement kRenewWriter{
    "UPDATE writers SET incarnation = (SELECT MAX(incarnation) FROM writers) + 1, started_ts = $2 WHERE "
    "number "
    "= $1 RETURNING incarnation"};
constexpr storage::Statement kLastIncarnation{"SELECT COALESCE(MAX(incarnation), 0) FROM writers"};
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
// Names of commands that are remembered for the log.
constexpr std::size_t kMostUnknown = 20;
constexpr std::size_t kShownName = 40;
constexpr int kExitReplaced = 75;  // sysexits.h, EX_TEMPFAIL: what a service manager starts again

// What this process holds in memory is no longer what is true, so there is nothing left that it could do.
[[noreturn]] void end_process(const std::string& instance) noexcept {
  const log::Logger logger{"lares.replication"};
  logger.critical(
      "Another process has taken over what {} writes: one was started with the same worker_name, or with "
      "another "
      "`stream_writers`. This one ends; nothing that was acknowledged is affected. Run one process of each "
      "name, "
      "and all with the same `stream_writers`.",
      instance);
  log::flush();
  std::_Exit(kExitReplaced);
}

// A process's number, given at the first asking. Under a lock.
std::int64_t number_of(WriteTransaction& tx, std::string_view instance, std::int64_t now) {
  const auto found = tx.maybe(kFindWriter, instance, [](const Row& row) { return row.i64(0); });
  return found ? *found : tx.one(kAddWriter, instance, now, [](const Row& row) { return row.i64(0); });
}

// Rows travel with a position on the last of those that share it; the others have 0.
void add_row(std::vector<stream::Row>& batch, stream::RdataCommand command) {
  batch.push_back({command.token.value_or(0), std::move(command.row)});
}

void give_positions(std::vector<stream::Row>& rows) {
  for (std::size_t i = rows.size() - 1; i-- > 0;) {
    if (rows[i].position == 0) {
      rows[i].position = rows[i + 1].position;
    }
  }
}

}  // namespace

storage::Schema hub_schema() {
  return {
      .plugin = "hub",
      .migrations =
          {{.number = 1,
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
                "position BIGINT NOT NULL, PRIMARY KEY (stream, writer)) {clustered}"}}},
           {.number = 3,
            .kind = storage::MigrationKind::Expand,
            .summary = "Adds which process writes which rooms.",
            .statements = {storage::Sql{
                "CREATE TABLE shards (stream TEXT NOT NULL, shard BIGINT NOT NULL, instance TEXT "
                "NOT NULL, PRIMARY KEY (stream, shard)) {clustered}"}}},
           {.number = 4,
            .kind = storage::MigrationKind::Expand,
            .summary = "Adds the processes that run, and what each has read of who writes what.",
            // `backend` is the connection of the last beat, which ends with the process.
            .statements = {storage::Sql{
                "CREATE TABLE processes (name TEXT PRIMARY KEY, entry BIGINT NOT NULL, host TEXT NOT "
                "NULL, pid BIGINT NOT NULL, started_ts BIGINT NOT NULL, beat BIGINT NOT NULL, "
                "beat_ts BIGINT NOT NULL, backend BIGINT NOT NULL, backend_start BIGINT NOT NULL, "
                "writers TEXT NOT NULL)"}}},
           {.number = 5,
            .kind = storage::MigrationKind::Expand,
            .summary = "Adds since when each process writes what it writes.",
            .statements = {storage::Sql{"ALTER TABLE shards ADD COLUMN since BIGINT NOT NULL DEFAULT 0"}}}},
      .tables = {{.name = "writers",
                  .key = {"number"},
                  .owners = {{.kind = storage::OwnerKind::None}},
                  .bound = "one per worker name that ever wrote",
                  .ends = "never: tokens name writers by their number"},
                 {.name = "stream_positions",
                  .key = {"stream", "writer"},
                  .owners = {{.kind = storage::OwnerKind::None}},
                  .bound = "one per stream and process that ever wrote it",
                  .ends = "never: no position is given twice"},
                 {.name = "shards",
                  .key = {"stream", "shard"},
                  .owners = {{.kind = storage::OwnerKind::None}},
                  .bound = "256 per stream whose rows are in the database",
                  .ends = "never: a shard goes from one writer to another"},
                 {.name = "processes",
                  .key = {"name"},
                  .owners = {{.kind = storage::OwnerKind::None}},
                  .bound = "one per worker name that ever ran",
                  .ends = "never: what a process read when it ran last tells a change from an error"}}};
}

HubImpl::HubImpl(Server& server, storage::Database& database, std::function<void()> replaced)
    : server_(server),
      database_(database),
      replaced_(std::move(replaced)),
      roll_(server, database),
      waiting_(server.runtime(), server.name(), "repl.wait_for_stream_position"),
      filling_(server.runtime(), server.name(), "repl.stream.get_updates"),
      inbox_actor_(server.runtime().loop(0), "replication"),
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
    return number_of(tx, instance, now);
  });
  co_return static_cast<stream::WriterNumber>(number);
}

Task<void> HubImpl::start() {
  const std::int64_t now = server_.runtime().now_ms();
  co_await roll_.enter([this, now](WriteTransaction& tx) {
    const std::int64_t self = number_of(tx, server_.instance(), now);
    self_ = static_cast<stream::WriterNumber>(self);
    incarnation_ = tx.one(kRenewWriter, self, now, [](const Row& row) { return row.i64(0); });
    take_shards(tx);
  });
  if (!ended_.empty()) {
    log_.warning(
        "This process takes over what was written by {}, as `stream_writers` says; if it still runs, it "
        "ends.",
        fmt::join(ended_, ", "));
  }
  spawn(tasks_, Background{"replication-beat"}, roll_.keep_beating([this] { say_replaced(); }),
        &server_.runtime().loop(0));
  const ConfigPtr config = server_.config();
  const StreamLists lists = co_await stream_lists();
  std::vector<Inbox*> present;
  for (stream::Stream* stream : server_.services().all<stream::Stream>()) {
    Inbox& inbox = inboxes_[std::string{stream->name()}];
    inbox.stream = stream;
    inbox.number = stream::stream_number(stream->name());
    // 1 is what a reader of an empty stream has seen.
    inbox.caught_up = std::max<std::int64_t>(1, co_await stream->present(database_));
    inbox.highest = inbox.caught_up;
    if (!inbox.number) {
      continue;
    }
    const std::vector<std::string> named = stream::stream_writers(*config, stream->name());
    std::set<std::string> writers{named.begin(), named.end()};
    if (writers.contains(server_.instance())) {
      own_.push_back(*inbox.number);
    }
    if (const auto list = lists.find(stream->name()); list != lists.end()) {
      inbox.list.store(list->second.since, std::memory_order_relaxed);
      writers = list->second.writers;
    }
    for (const std::string& writer : writers) {
      const stream::WriterNumber number = co_await writer_number(writer);
      board_.add_writer(*inbox.number, number);
      inbox.writers.insert(number);
    }
    present.push_back(&inbox);
  }
  co_await database_.write("wait_for_writers",
                           [](WriteTransaction& tx) { tx.each(kWaitForWriters, [](const Row&) {}); });
  for (const Inbox* inbox : present) {
    board_.set_floor(*inbox->number, inbox->caught_up);
    written_[static_cast<std::size_t>(*inbox->number)].store(inbox->caught_up, std::memory_order_release);
  }
  for (stream::Transport* transport : server_.services().all<stream::Transport>()) {
    if (transport->active()) {
      transports_.push_back(transport);
    }
  }
  if (!transports_.empty()) {
    commands_.emplace(server_, transports_.front()->name());
    for (auto& [name, inbox] : inboxes_) {
      inbox.metrics.emplace(server_, name);
    }
  }
  unconnected_ = static_cast<int>(transports_.size());
  connected_.store(transports_.empty(), std::memory_order_release);
  for (stream::Transport* transport : transports_) {
    transport->open(*this);
  }
  if (!transports_.empty()) {
    spawn(tasks_, Background{"replication-look"}, look_around(), &server_.runtime().loop(0));
    spawn(tasks_, Background{"replication-positions"}, repeat_positions(), &server_.runtime().loop(0));
  }
}

// What a stream in memory holds ends with its writer, and nothing is taken over: there each reader goes by
// its own list.
void HubImpl::take_shards(WriteTransaction& tx) {
  const ConfigPtr config = server_.config();
  std::set<std::string> ended;
  for (const stream::Stream* stream : server_.services().all<stream::Stream>()) {
    if (!stream::stream_number(stream->name()) || stream->in_memory() ||
        !stream::writes_stream(*config, stream->name(), server_.instance())) {
      continue;
    }
    const stream::ShardMap map{*config, stream->name(), server_.instance()};
    ended.merge(hub::take_shards(tx, stream->name(), map, server_.instance(), incarnation_));
  }
  ended_.assign(ended.begin(), ended.end());
}

Task<StreamLists> HubImpl::stream_lists() {
  return database_.read("stream_lists", read_stream_lists);
}

Task<void> HubImpl::stop() noexcept {
  for (stream::Transport* transport : transports_) {
    co_await transport->close();
  }
  co_await tasks_.stop();
}

void HubImpl::lock_writer(WriteTransaction& tx) {
  if (!tx.any(kLockWriter, static_cast<std::int64_t>(self_), incarnation_)) {
    give_way();
  }
}

Task<void> HubImpl::confirm_writer() {
  if (transports_.empty()) {
    co_return;
  }
  const std::int64_t incarnation =
      co_await database_.read("writer_incarnation", [this](storage::ReadTransaction& tx) {
        return tx
            .maybe(kFindWriter, std::string_view{server_.instance()},
                   [](const Row& row) { return row.i64(1); })
            .value_or(0);
      });
  if (incarnation != incarnation_) {
    give_way();
  }
}

void HubImpl::say_replaced() {
  if (!replaced_) {
    end_process(server_.instance());
  }
  replaced_();
}

void HubImpl::give_way() {
  say_replaced();
  throw storage::Unavailable{"Another process has taken over."};
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

std::int64_t HubImpl::draw(WriteTransaction& tx, std::string_view name, std::int64_t count) {
  lock_writer(tx);
  const std::int64_t last = tx.one(kDraw, name, count, [](const Row& row) { return row.i64(0); });
  tx.exec(kKeepDrawn, name, static_cast<std::int64_t>(self_), last);
  return last - count + 1;
}

std::int64_t HubImpl::drawn(storage::ReadTransaction& tx, std::string_view name) {
  return tx.maybe(kDrawn, name, static_cast<std::int64_t>(self_), [](const Row& row) { return row.i64(0); })
      .value_or(0);
}

void HubImpl::opened(StreamNumber stream, int change) noexcept {
  // The sum in the low half, the number of changes in the high half: what was open in between shows too.
  open_[static_cast<std::size_t>(stream)].fetch_add(
      (std::uint64_t{1} << 32U) + static_cast<std::uint64_t>(change), std::memory_order_acq_rel);
}

void HubImpl::committed(StreamNumber stream, std::int64_t position,
                        std::function<std::vector<stream::Row>()> rows) {
  // In this order: an announcement in between that had the position, and not yet the rows, would say that
  // there are none up to it.
  written_[static_cast<std::size_t>(stream)].store(position, std::memory_order_release);
  board_.advance(stream, self_, position);
  if (!transports_.empty()) {
    publish_rows(stream::stream_name(stream), rows());
  }
}

void HubImpl::published(std::string_view stream, std::int64_t,
                        std::function<std::vector<stream::Row>()> rows) {
  if (!transports_.empty()) {
    publish_rows(stream, rows());
  }
}

void HubImpl::publish_rows(std::string_view stream, std::vector<stream::Row> rows) {
  if (const auto inbox = inboxes_.find(stream); inbox != inboxes_.end()) {
    inbox->second.metrics->published.add(rows.size());
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    // Rows that share a position travel as a batch that its last row closes.
    const bool last = i + 1 == rows.size() || rows[i + 1].position != rows[i].position;
    publish(stream::format_rdata(stream, server_.instance(),
                                 last ? std::optional{rows[i].position} : std::nullopt, rows[i].json));
  }
}

void HubImpl::publish(const std::string& line) {
  for (stream::Transport* transport : transports_) {
    commands_->sent(line);
    transport->publish(line);
  }
}

void HubImpl::announce() {
  for (const StreamNumber stream : own_) {
    // In this order: what is written in between is above the position.
    const std::int64_t position = board_.position(stream).of(self_);
    const std::int64_t written = written_[static_cast<std::size_t>(stream)].load(std::memory_order_acquire);
    const Inbox& inbox = inboxes_.find(stream::stream_name(stream))->second;
    if (!inbox.stream->in_memory()) {
      publish(stream::format_writers(inbox.stream->name(), server_.instance(),
                                     inbox.list.load(std::memory_order_relaxed)));
    }
    publish(stream::format_position(inbox.stream->name(), server_.instance(), std::min(written, position),
                                    position));
  }
}

Task<void> HubImpl::look_around() {
  while (!tasks_.cancelled()) {
    co_await server_.runtime().sleep_for(kRepeatPositions);
    try {
      // One that was replaced and has nothing to write would not notice.
      co_await confirm_writer();
      co_await follow();
      if (connected()) {
        co_await read_unnumbered();
      } else {
        // Nobody tells this process anything.
        co_await catch_up();
      }
    } catch (const std::exception& error) {
      if (tasks_.cancelled()) {
        break;
      }
      log_.warning("The positions of the streams could not be read: {}", error.what());
    }
  }
}

// Apart from what asks the database, which may take its time.
Task<void> HubImpl::repeat_positions() {
  while (!tasks_.cancelled()) {
    co_await server_.runtime().sleep_for(kRepeatPositions);
    announce();
  }
}

// A stream that any process may write has nobody who is sure to repeat its position: the table itself is
// asked.
Task<bool> HubImpl::read_unnumbered() {
  bool any = false;
  for (auto& [name, inbox] : inboxes_) {
    if (inbox.number) {
      continue;
    }
    const std::int64_t present = co_await inbox.stream->present(database_);
    while (inbox.caught_up < present) {
      any = true;
      const stream::Updates updates =
          co_await inbox.stream->updates(0, inbox.caught_up, present, kRowsPerStep);
      co_await inbox.stream->apply(0, updates.rows, updates.upto);
      inbox.stream->wake(0, updates.rows, updates.upto);
      inbox.caught_up = std::max(inbox.caught_up, updates.upto);
    }
  }
  co_return any;
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

void HubImpl::transport_connected() {
  for (auto& [name, inbox] : inboxes_) {
    inbox.in_step.clear();
    inbox.batches.clear();
    inbox.lists.clear();
  }
  --unconnected_;
  log_.info("Connected to the other processes.");
  publish("REPLICATE");
  announce();
  spawn(tasks_, Background{"replication-reconnect"}, reconnect(), &server_.runtime().loop(0));
}

// What was missed is read before caches are relied on again.
Task<void> HubImpl::reconnect() {
  while (unconnected_ == 0 && !connected_.load(std::memory_order_acquire)) {
    try {
      co_await read_unnumbered();
      connected_.store(unconnected_ == 0, std::memory_order_release);
      co_return;
    } catch (const std::exception& error) {
      log_.warning("What was missed while unconnected could not be read: {}", error.what());
    }
    co_await server_.runtime().sleep_for(kRepeatPositions);
  }
}

void HubImpl::transport_disconnected() {
  ++unconnected_;
  connected_.store(false, std::memory_order_release);
  log_.warning("The connection to the other processes is lost; it is made anew.");
}

void HubImpl::received(std::string line) {
  commands_->received(line);
  auto command = stream::parse_command(line);
  if (!command) {
    log_.warning("A replication command cannot be read: {}", command.error());
    return;
  }
  if (auto* rdata = std::get_if<stream::RdataCommand>(&*command)) {
    if (rdata->instance != server_.instance()) {
      if (const auto inbox = inboxes_.find(rdata->stream); inbox != inboxes_.end()) {
        inbox->second.metrics->received.add();
      }
      const std::string stream = rdata->stream;
      const std::string instance = rdata->instance;
      enqueue(stream, instance, std::move(*rdata));
    }
  } else if (auto* position = std::get_if<stream::PositionCommand>(&*command)) {
    if (position->instance != server_.instance()) {
      const std::string stream = position->stream;
      const std::string instance = position->instance;
      enqueue(stream, instance, Position{std::move(*position), std::nullopt});
    }
  } else if (const auto* writers = std::get_if<stream::WritersCommand>(&*command)) {
    if (const auto inbox = inboxes_.find(writers->stream); inbox != inboxes_.end()) {
      inbox->second.lists[writers->instance] = writers->list;
    }
  } else if (std::holds_alternative<stream::ReplicateCommand>(*command)) {
    announce();
  } else if (const auto* other = std::get_if<stream::OtherCommand>(&*command)) {
    note_unknown(other->name);
  }
}

void HubImpl::note_unknown(std::string_view name) {
  const std::string_view cut = name.substr(0, kShownName);
  const std::string shown{cut.substr(0, json::valid_utf8_prefix(cut))};
  if (stream::is_command_name(name) || unknown_commands_.size() >= kMostUnknown ||
      !unknown_commands_.insert(shown).second) {
    return;
  }
  log_.warning("The replication command {} is not known here, and is passed over. This is said once.", shown);
}

void HubImpl::enqueue(const std::string& stream, const std::string& instance, Work command) {
  const auto found = inboxes_.find(stream);
  if (found == inboxes_.end()) {
    return;
  }
  Inbox& inbox = found->second;
  if (!inbox.number && std::holds_alternative<Position>(command)) {
    return;
  }
  if (inbox.queue.size() >= kMostQueued) {
    if (inbox.in_step.erase(instance) != 0) {
      log_.warning(
          "The stream {} has {} commands waiting; further ones of {} are fetched from the database later.",
          stream, inbox.queue.size(), instance);
    }
    return;
  }
  if (auto* position = std::get_if<Position>(&command)) {
    if (const auto list = inbox.lists.find(instance); list != inbox.lists.end()) {
      position->list = list->second;
    }
    inbox.in_step.insert(instance);
  } else if (inbox.number && !inbox.in_step.contains(instance)) {
    // A row behind a gap would hide the gap; the writer repeats its position, which shows it.
    return;
  }
  inbox.queue.push_back(std::move(command));
  inbox.metrics->queued.set(static_cast<std::int64_t>(inbox.queue.size()));
  begin(inbox);
}

void HubImpl::begin(Inbox& inbox) {
  if (!std::exchange(inbox.working, true)) {
    spawn(tasks_, Background{"replication-RDATA-" + std::string{inbox.stream->name()}}, work(inbox),
          &server_.runtime().loop(0));
  }
}

Task<void> HubImpl::work(Inbox& inbox) {
  while (!inbox.queue.empty()) {
    Work command = std::move(inbox.queue.front());
    inbox.queue.pop_front();
    if (inbox.metrics) {
      inbox.metrics->queued.set(static_cast<std::int64_t>(inbox.queue.size()));
    }
    std::string instance;
    try {
      if (const auto* wanted = std::get_if<Fetch>(&command)) {
        co_await fetch(inbox, *wanted);
      } else if (auto* rdata = std::get_if<stream::RdataCommand>(&command)) {
        instance = rdata->instance;
        co_await take(inbox, std::move(*rdata));
      } else if (auto* position = std::get_if<Position>(&command)) {
        instance = position->said.instance;
        co_await take(inbox, std::move(*position));
      }
    } catch (const std::exception& error) {
      if (tasks_.cancelled()) {
        break;
      }
      // The position has not moved, so the writer's next announcement brings what was missed; a stream
      // without positions is read from its table.
      if (!instance.empty() && inbox.number) {
        inbox.behind.insert(instance);
      }
      log_.warning("Rows of the stream {} were not taken up: {}", inbox.stream->name(), error.what());
    }
  }
  inbox.working = false;
}

Task<void> HubImpl::take(Inbox& inbox, stream::RdataCommand command) {
  const std::string instance = command.instance;
  std::vector<stream::Row>& batch = inbox.batches[instance];
  if (inbox.behind.contains(instance)) {
    batch.clear();
    co_return;
  }
  if (batch.size() >= kMostQueued) {
    batch.clear();
    if (inbox.number) {
      inbox.behind.insert(instance);
    }
    co_return;
  }
  add_row(batch, std::move(command));
  // What has come in meanwhile is taken up together with it: a stream then reads what it needs at once.
  while (batch.size() < kRowsPerStep && !inbox.queue.empty()) {
    auto* next = std::get_if<stream::RdataCommand>(&inbox.queue.front());
    if (next == nullptr || next->instance != instance) {
      break;
    }
    add_row(batch, std::move(*next));
    inbox.queue.pop_front();
  }
  // Rows behind the last position wait for theirs.
  const auto end = std::find_if(batch.rbegin(), batch.rend(), [](const stream::Row& row) {
                     return row.position != 0;
                   }).base();
  if (end == batch.begin()) {
    co_return;
  }
  std::vector<stream::Row> rows{std::make_move_iterator(batch.begin()), std::make_move_iterator(end)};
  batch.erase(batch.begin(), end);
  const stream::WriterNumber writer = co_await writer_number(instance);
  // Of a process that is not among the writers (any more) nothing is taken up: what it wrote while it was has
  // been, and of what is in memory alone nobody would ever say here that it is over.
  if (inbox.number && !inbox.writers.contains(writer)) {
    co_return;
  }
  const std::int64_t here = inbox.number ? board_.position(*inbox.number).of(writer) : 0;
  const std::int64_t upto = rows.back().position;
  give_positions(rows);
  std::erase_if(rows, [here](const stream::Row& row) { return row.position <= here; });
  if (rows.empty()) {
    co_return;
  }
  const std::int64_t furthest = std::ranges::max_element(rows, {}, &stream::Row::position)->position;
  if (inbox.number && !co_await believe(inbox, instance, furthest)) {
    co_return;
  }
  co_await inbox.stream->apply(writer, rows, upto);
  if (inbox.number) {
    board_.advance(*inbox.number, writer, upto);
  }
  inbox.stream->wake(writer, rows, upto);
}

Task<void> HubImpl::take(Inbox& inbox, Position command) {
  const stream::PositionCommand& said = command.said;
  // Without the list a position could lead past what a new writer wrote. Who does not say by which it goes, a
  // program of another make, goes by none that is newer than the table's.
  if (!inbox.stream->in_memory() &&
      (!command.list || *command.list > inbox.list.load(std::memory_order_relaxed))) {
    co_await renew_list(inbox);
  }
  const stream::WriterNumber writer = co_await writer_number(said.instance);
  if (inbox.writers.contains(writer)) {
    if (!co_await believe(inbox, said.instance, said.current)) {
      co_return;
    }
    if (board_.position(*inbox.number).of(writer) < said.previous) {
      inbox.batches.erase(said.instance);
      co_await fill(inbox, writer, said.current);
    }
    board_.advance(*inbox.number, writer, said.current);
  }
  inbox.behind.erase(said.instance);
}

Task<std::int64_t> HubImpl::highest(const Inbox& inbox) {
  if (!inbox.stream->in_memory()) {
    co_return std::max<std::int64_t>(1, co_await inbox.stream->present(database_));
  }
  const std::int64_t incarnation =
      co_await database_.read("last_incarnation", [](storage::ReadTransaction& tx) {
        return tx.one(kLastIncarnation, [](const Row& row) { return row.i64(0); });
      });
  co_return ((incarnation + 1) << 32) - 1;
}

// What was drawn stays drawn, so the database is asked for what is newer alone.
Task<bool> HubImpl::believe(Inbox& inbox, const std::string& instance, std::int64_t position) {
  if (position <= inbox.highest) {
    co_return true;
  }
  inbox.highest = std::max(inbox.highest, co_await highest(inbox));
  if (position <= inbox.highest) {
    co_return true;
  }
  if (inbox.behind.insert(instance).second) {
    log_.warning(
        "{} says that the stream {} has come to {}, which is not believed: it cannot be beyond {}. Perhaps "
        "somebody else can reach the connection between the processes.",
        instance, inbox.stream->name(), position, inbox.highest);
  }
  co_return false;
}

// Nothing that the new writers wrote has been passed over until now: this process comes past it when every
// former writer has, and one of those was ended before, or began anew and announced the list.
Task<void> HubImpl::renew_list(Inbox& inbox) {
  const StreamLists lists = co_await stream_lists();
  const auto list = lists.find(inbox.stream->name());
  if (list == lists.end() || list->second.since <= inbox.list.load(std::memory_order_relaxed)) {
    co_return;
  }
  std::unordered_set<stream::WriterNumber> writers;
  for (const std::string& writer : list->second.writers) {
    writers.insert(co_await writer_number(writer));
  }
  for (const stream::WriterNumber writer : writers) {
    board_.add_writer(*inbox.number, writer);
    inbox.writers.insert(writer);
  }
  // Of those who left everything is taken up first. They have ended, so nothing of theirs comes later.
  const std::int64_t present = co_await inbox.stream->present(database_);
  for (auto at = inbox.writers.begin(); at != inbox.writers.end();) {
    if (writers.contains(*at) || *at == self_) {
      ++at;
      continue;
    }
    co_await fill(inbox, *at, present);
    board_.remove_writer(*inbox.number, *at);
    at = inbox.writers.erase(at);
  }
  inbox.list.store(list->second.since, std::memory_order_release);
}

Task<void> HubImpl::fill(Inbox& inbox, stream::WriterNumber writer, std::int64_t upto) {
  for (;;) {
    const std::int64_t from = board_.position(*inbox.number).of(writer);
    if (from >= upto) {
      co_return;
    }
    const Measure measure{filling_};
    const stream::Updates updates = co_await inbox.stream->updates(writer, from, upto, kRowsPerStep);
    if (!updates.rows.empty()) {
      co_await inbox.stream->apply(writer, updates.rows, updates.upto);
    }
    board_.advance(*inbox.number, writer, updates.upto);
    if (!updates.rows.empty()) {
      inbox.stream->wake(writer, updates.rows, updates.upto);
    }
    if (!updates.limited || updates.upto == from) {
      co_return;
    }
  }
}

Task<stream::Token> HubImpl::believed(stream::Token token, bool& cut) {
  stream::Token known = now();
  bool ahead = false;
  (void)token.limited_to(known, ahead);
  if (!ahead) {
    co_return token;
  }
  for (const auto& [name, inbox] : inboxes_) {
    if (inbox.number) {
      known.set(*inbox.number, std::max(co_await highest(inbox), known.minimum(*inbox.number)));
    }
  }
  co_return token.limited_to(known, cut);
}

}  // namespace lares::hub
