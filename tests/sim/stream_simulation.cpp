// SPDX-License-Identifier: Apache-2.0
#include "stream_simulation.hpp"

#include <lares/stream/topology.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "stream_process.hpp"
#include "world.hpp"

namespace lares::sim {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using storage::Statement;
using stream::StreamNumber;
using stream::Token;

namespace {

constexpr std::array kStreams = {StreamNumber::kEvents, StreamNumber::kReceipts};
constexpr int kWriters = 4;
constexpr int kReaders = 3;

constexpr Statement kRows{
    "SELECT position, writer, value FROM sim_rows WHERE stream = $1 AND position > $2 ORDER BY position"};

struct Found {
  std::int64_t position = 0;
  stream::WriterNumber writer = 0;
  std::int64_t value = 0;
};

/// Somebody who syncs: goes from process to process with the token that the last one gave.
struct Reader {
  std::string token;
  std::array<std::set<std::int64_t>, kStreams.size()> seen;
};

class StreamWorld final : public World {
 public:
  explicit StreamWorld(std::uint64_t seed)
      : World{seed, {}}, apply_fails_percent_{runtime_.chance(50) ? 2 : 0} {}

 private:
  std::span<const storage::Schema> schemas() override { return schemas_; }

  std::unique_ptr<Process> make(const std::string& instance) override {
    return std::make_unique<StreamProcess>(parts(), instance, config_, troubled() ? apply_fails_percent_ : 0);
  }

  void reshard() override {
    auto config = std::make_shared<testing::MapConfig>();
    json map = json::object();
    for (const char* instance : kInstances) {
      map[instance] = json::object();
    }
    config->set("instance_map", map);
    for (const StreamNumber number : kStreams) {
      config->set("stream_writers." + std::string{stream::stream_name(number)}, some_instances());
    }
    config_ = config;
  }

  Task<void> settle() override { co_return; }

  void begin() override {
    for (int i = 0; i < kWriters; ++i) {
      spawn(actors_, Background{"writer"}, write_on(), &runtime_.loop(1));
    }
    for (int i = 0; i < kReaders; ++i) {
      spawn(actors_, Background{"reader"}, read_on(readers_.emplace_back(std::make_unique<Reader>()).get()),
            &runtime_.loop(2));
    }
  }

  StreamProcess* any() { return static_cast<StreamProcess*>(any_process()); }

  Task<void> write_on() {
    while (!quiet()) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 120)});
      StreamProcess* const process = any();
      if (process == nullptr) {
        continue;
      }
      const auto stream = static_cast<std::size_t>(runtime_.between(0, kStreams.size() - 1));
      const std::int64_t value = ++values_;
      try {
        co_await process->write(stream,
                                {.key = "k" + std::to_string(runtime_.between(0, 40)), .value = value});
        if (process->alive()) {
          acknowledged_.insert({stream, value});
        }
      } catch (const std::exception&) {
        // A client would try again; here it is a change that may or may not be there.
      }
    }
  }

  Task<void> read_on(Reader* reader) {
    while (!over()) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 250)});
      if (StreamProcess* const process = any()) {
        try {
          co_await read_at(*reader, *process);
        } catch (const storage::Error&) {
          // The client keeps its token.
        }
      }
    }
  }

  Task<void> read_at(Reader& reader, StreamProcess& process) {
    Token from;
    if (!reader.token.empty()) {
      const auto parsed = Token::parse(reader.token);
      if (!parsed) {
        fault(fmt::format("the token {} is not read: {}", reader.token, parsed.error()));
        co_return;
      }
      from = *parsed;
    }
    const Token to = process.hub().now();
    check_never_back(process, to);
    std::array<std::vector<Found>, kStreams.size()> found;
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      found[i] = co_await rows(process.database(), kStreams[i], from.minimum(kStreams[i]));
    }
    if (!process.alive()) {
      co_return;
    }
    ++outcome_.reads;
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      for (const Found& row : found[i]) {
        if (from.covers(kStreams[i], row.writer, row.position) ||
            !to.covers(kStreams[i], row.writer, row.position)) {
          continue;
        }
        if (!reader.seen[i].insert(row.position).second) {
          fault(fmt::format(
              "row {} of stream {}, writer {}, was shown twice, the second time by {}, from {} to {}",
              row.position, i, row.writer, process.instance(), from.text(), to.text()));
        }
        if (lacks(process, i, row)) {
          fault(fmt::format("{} has reached {} without having applied row {} of stream {}, writer {}",
                            process.instance(), to.text(), row.position, i, row.writer));
        }
        trace(static_cast<std::uint64_t>(row.position));
      }
    }
    reader.token = Token::later_of(from, to).text();
  }

  static bool lacks(const StreamProcess& process, std::size_t stream, const Found& row) {
    return !process.started_at().covers(kStreams[stream], row.writer, row.position) &&
           !process.stream(stream).applied(row.position);
  }

  void check_never_back(Process& process, const Token& now) {
    Token& before = stood_[&process];
    for (const StreamNumber number : kStreams) {
      const stream::StreamPosition was = before.at(number);
      const stream::StreamPosition is = now.at(number);
      bool back = is.minimum() < was.minimum();
      for (const stream::StreamPosition::Ahead& ahead : was.ahead()) {
        back = back || is.of(ahead.writer) < ahead.position;
      }
      if (back) {
        fault(fmt::format("{} went back from {} to {}", process.instance(), before.text(), now.text()));
      }
    }
    before = now;
  }

  Task<std::vector<Found>> rows(storage::Database& database, StreamNumber number, std::int64_t from) {
    co_return co_await database.read("sim_rows", [number, from](storage::ReadTransaction& tx) {
      std::vector<Found> found;
      tx.each(kRows, stream::stream_name(number), from, [&found](const storage::Row& row) {
        found.push_back({row.i64(0), static_cast<stream::WriterNumber>(row.i64(1)), row.i64(2)});
      });
      return found;
    });
  }

  Task<void> judge() override {
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      const std::vector<Found> all = co_await rows(shared_database(), kStreams[i], 0);
      outcome_.written += all.size();
      std::set<std::int64_t> values;
      for (const Found& row : all) {
        values.insert(row.value);
        trace(static_cast<std::uint64_t>(row.value));
        for (const auto& [instance, process] : processes()) {
          if (process->ready() && lacks(static_cast<const StreamProcess&>(*process), i, row)) {
            fault(fmt::format("{} has never applied row {} of stream {}, writer {}", instance, row.position,
                              i, row.writer));
          }
        }
        for (const auto& reader : readers_) {
          if (!reader->seen[i].contains(row.position)) {
            fault(fmt::format("row {} of stream {}, writer {}, was never shown to a reader who stands at {}",
                              row.position, i, row.writer, reader->token));
          }
        }
      }
      for (const auto& [stream, value] : acknowledged_) {
        if (stream == i && !values.contains(value)) {
          fault(fmt::format("change {} of stream {} was acknowledged and is not there", value, i));
        }
      }
    }
    outcome_.acknowledged = acknowledged_.size();
  }

  const std::array<storage::Schema, 2> schemas_ = {hub::hub_schema(), rows_schema()};
  const int apply_fails_percent_;
  std::shared_ptr<const Config> config_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::map<const Process*, Token> stood_;
  std::set<std::pair<std::size_t, std::int64_t>> acknowledged_;
  std::int64_t values_ = 0;
};

}  // namespace

Outcome simulate_streams(std::uint64_t seed) {
  StreamWorld world{seed};
  return world.run();
}

}  // namespace lares::sim
