// SPDX-License-Identifier: Apache-2.0
#include "hub_impl.hpp"

#include <lares/async/runtime.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/transaction.hpp>

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
    "SELECT COALESCE(MAX(number), 0) + 1, $1, 1, $2 FROM writers RETURNING number"};
constexpr storage::Statement kRenewWriter{
    "UPDATE writers SET incarnation = $2, started_ts = $3 WHERE number = $1"};
// On SQLite the lock on the data folder has the same effect.
constexpr storage::Statement kLockWriter{
    storage::Sql{"SELECT 1 FROM writers WHERE number = $1 AND incarnation = $2",
                 "SELECT 1 FROM writers WHERE number = $1 AND incarnation = $2 FOR SHARE"}};

}  // namespace

storage::Schema hub_schema() {
  return {.plugin = "hub",
          .migrations = {{.number = 1,
                          .kind = storage::MigrationKind::Expand,
                          .summary = "Adds the processes that write.",
                          .statements = {storage::Sql{
                              "CREATE TABLE writers (number BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
                              "incarnation BIGINT NOT NULL, started_ts BIGINT NOT NULL)"}}}},
          .tables = {{.name = "writers",
                      .key = {"number"},
                      .owners = {{.kind = storage::OwnerKind::None}},
                      .bound = "one per worker name that ever wrote",
                      .ends = "never: tokens name writers by their number"}}};
}

HubImpl::HubImpl(Server& server, storage::Database& database) : server_(server), database_(database) {}

Task<void> HubImpl::start() {
  struct Taken {
    std::int64_t number;
    std::int64_t incarnation;
  };
  const std::int64_t now = server_.runtime().now_ms();
  const std::string& name = server_.instance();
  const Taken taken = co_await database_.write("register_writer", [&name, now](WriteTransaction& tx) {
    tx.lock("writers");
    std::optional<Taken> known = tx.maybe(kFindWriter, std::string_view{name},
                                          [](const Row& row) { return Taken{row.i64(0), row.i64(1)}; });
    if (!known) {
      return Taken{tx.one(kAddWriter, std::string_view{name}, now, [](const Row& row) { return row.i64(0); }),
                   1};
    }
    ++known->incarnation;
    tx.exec(kRenewWriter, known->number, known->incarnation, now);
    return *known;
  });
  self_ = static_cast<stream::WriterNumber>(taken.number);
  incarnation_ = taken.incarnation;
  for (std::size_t i = 1; i < stream::kStreamNumbers; ++i) {
    board_.add_writer(static_cast<StreamNumber>(i), self_);
  }
  for (stream::Stream* stream : server_.services().all<stream::Stream>()) {
    const std::optional<StreamNumber> number = stream::stream_number(stream->name());
    if (!number) {
      continue;
    }
    // 1 is what a reader of an empty stream has seen.
    std::int64_t highest = 1;
    for (const auto& [writer, position] : co_await stream->positions()) {
      highest = std::max(highest, position);
    }
    board_.set_floor(*number, highest);
  }
}

void HubImpl::lock_writer(WriteTransaction& tx) {
  if (!tx.any(kLockWriter, static_cast<std::int64_t>(self_), incarnation_)) {
    throw http::unavailable("Another process has taken over.")
        .because("This process's row in `writers` belongs to another incarnation: it was replaced.");
  }
}

void HubImpl::committed(StreamNumber stream, std::int64_t position,
                        std::function<std::vector<stream::Row>()>) {
  board_.advance(stream, self_, position);
}

Task<bool> HubImpl::reached(StreamNumber stream, stream::WriterNumber writer, std::int64_t position,
                            std::chrono::milliseconds deadline) {
  if (board_.covers(stream, writer, position)) {
    co_return true;
  }
  co_return co_await board_.reached(stream, writer, position, server_.runtime().steady_now() + deadline);
}

}  // namespace lares::hub
