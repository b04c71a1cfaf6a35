// SPDX-License-Identifier: Apache-2.0
#include "stream_process.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <chrono>

namespace lares::sim {

using nlohmann::json;
using storage::Statement;
using stream::StreamNumber;

namespace {

constexpr Statement kAdd{"INSERT INTO sim_rows (stream, position, writer, value) VALUES ($1, $2, $3, $4)"};
constexpr Statement kBetween{
    "SELECT position, value FROM sim_rows WHERE stream = $1 AND writer = $2 AND position > $3 AND position "
    "<= "
    "$4 ORDER BY position LIMIT $5"};
constexpr Statement kIncarnation{"SELECT incarnation FROM writers WHERE number = $1"};

std::string row_of(std::int64_t value) {
  return "[" + std::to_string(value) + "]";
}

}  // namespace

storage::Schema rows_schema() {
  return {.plugin = "sim",
          .migrations =
              {{.number = 1,
                .kind = storage::MigrationKind::Expand,
                .summary = "Adds the rows.",
                .statements = {storage::Sql{
                    "CREATE TABLE sim_rows (stream TEXT NOT NULL, position BIGINT NOT NULL, writer BIGINT "
                    "NOT NULL, value BIGINT NOT NULL, PRIMARY KEY (stream, position))"}}}},
          .tables = {{.name = "sim_rows",
                      .key = {"stream", "position"},
                      .owners = {{.kind = storage::OwnerKind::None}},
                      .bound = "the length of a run",
                      .ends = "never"}}};
}

Task<void> RowStream::apply(stream::WriterNumber, std::span<const stream::Row> rows, std::int64_t) {
  if (at_.chance(fails_percent)) {
    throw std::runtime_error{"a fault of the simulation"};
  }
  if (at_.chance(20)) {
    co_await at_.sleep_for(std::chrono::microseconds{at_.between(0, 20'000)});
  }
  for (const stream::Row& row : rows) {
    applied_.insert(row.position);
  }
}

Task<stream::Updates> RowStream::updates(stream::WriterNumber writer, std::int64_t from, std::int64_t to,
                                         std::size_t limit) {
  // Few at a time, so that gaps are filled in steps.
  limit = std::min<std::size_t>(limit, 7);
  stream::Updates updates;
  updates.rows = co_await database_.read("sim_updates", [&](storage::ReadTransaction& tx) {
    std::vector<stream::Row> rows;
    tx.each(kBetween, name(), static_cast<std::int64_t>(writer), from, to, static_cast<std::int64_t>(limit),
            [&rows](const storage::Row& row) { rows.push_back({row.i64(0), row_of(row.i64(1))}); });
    return rows;
  });
  updates.limited = updates.rows.size() == limit;
  updates.upto = updates.limited ? updates.rows.back().position : to;
  co_return updates;
}

StreamProcess::StreamProcess(const Parts& parts, const std::string& instance,
                             std::shared_ptr<const Config> config, int apply_fails_percent)
    : Process(parts, std::make_unique<testing::TestServer>(parts.runtime, instance, std::move(config))) {
  for (const StreamNumber number : {StreamNumber::kEvents, StreamNumber::kReceipts}) {
    const std::size_t i = streams_.size();
    streams_.push_back(std::make_unique<RowStream>(at_, database_, number));
    streams_.back()->fails_percent = apply_fails_percent;
    server_->services().join<stream::Stream>(*streams_.back());
    writers_.push_back(std::make_unique<stream::StreamWriter<Change>>(
        *server_, *streams_.back(), number,
        stream::StreamWriter<Change>::Parts{
            .store = [this, i](storage::WriteTransaction& tx, const Change& change,
                               std::int64_t position) { store(i, tx, change, position); },
            .rows = [](const Change& change) { return std::vector<std::string>{row_of(change.value)}; },
            .encode = [](const Change& change) { return json::array({change.key, change.value}).dump(); },
            .decode =
                [](const std::string& text) {
                  const json fields = json::parse(text);
                  return Change{.key = fields.at(0), .value = fields.at(1)};
                }}));
  }
}

StreamProcess::~StreamProcess() = default;

Task<void> StreamProcess::start() {
  co_await hub_.start();
  started_at_ = hub_.now();
  started();
}

Task<void> StreamProcess::end() {
  for (const auto& writer : writers_) {
    co_await writer->drain();
  }
  co_await leave();
}

void StreamProcess::faultless() {
  Process::faultless();
  for (const auto& stream : streams_) {
    stream->fails_percent = 0;
  }
}

void StreamProcess::store(std::size_t stream, storage::WriteTransaction& tx, const Change& change,
                          std::int64_t position) {
  const std::int64_t incarnation = tx.one(kIncarnation, static_cast<std::int64_t>(hub_.self()),
                                          [](const storage::Row& row) { return row.i64(0); });
  if (incarnation != hub_.incarnation_position() >> 32) {
    town_.fault(instance() + " writes although another process has taken over");
  }
  tx.exec(kAdd, streams_[stream]->name(), position, static_cast<std::int64_t>(hub_.self()), change.value);
}

Task<std::int64_t> StreamProcess::write(std::size_t stream, Change change) {
  std::string key = change.key;
  co_return co_await writers_[stream]->write(std::move(key), std::move(change));
}

}  // namespace lares::sim
