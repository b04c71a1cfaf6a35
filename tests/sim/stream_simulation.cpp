// SPDX-License-Identifier: Apache-2.0
#include "simulation.hpp"

#include <storage/sqlite/options.hpp>

#include <lares/stream/topology.hpp>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <unistd.h>

#include "process.hpp"

namespace lares::sim {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using storage::Statement;
using stream::StreamNumber;
using stream::Token;

namespace {

constexpr std::array kInstances = {"master", "w1", "w2", "w3"};
constexpr std::array kStreams = {StreamNumber::kEvents, StreamNumber::kReceipts};
constexpr std::size_t kMostFaults = 5;
constexpr int kWriters = 4;
constexpr int kReaders = 3;
constexpr seconds kTrouble{40};
constexpr seconds kPeace{20};
constexpr std::chrono::hours kStuck{1};

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

class World final : public Town {
 public:
  explicit World(std::uint64_t seed) : runtime_{seed, 3}, actors_{runtime_, "actors"} {
    namespace fs = std::filesystem;
    const fs::path memory{"/dev/shm"};
    std::string pattern = (fs::exists(memory) ? memory : fs::temp_directory_path()) / "lares-sim-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    storage::sqlite::SqliteOptions options;
    options.path = folder_ + "/sim.db";
    options.without_threads = true;
    options.take_lock = false;
    database_ = storage::sqlite::open_sqlite(options, runtime_);
    faults_ = {.fails_percent = runtime_.chance(50) ? 2 : 0, .unknown_percent = runtime_.chance(50) ? 5 : 0};
    apply_fails_percent_ = runtime_.chance(50) ? 2 : 0;
    reshard();
  }

  ~World() override {
    processes_.clear();
    graves_.clear();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  Outcome run() {
    play(set_up());
    for (const char* instance : kInstances) {
      spawn(actors_, Background{"start"}, keep_running(instance), &runtime_.loop(0));
    }
    for (int i = 0; i < kWriters; ++i) {
      spawn(actors_, Background{"writer"}, write_on(), &runtime_.loop(1));
    }
    for (int i = 0; i < kReaders; ++i) {
      spawn(actors_, Background{"reader"}, read_on(readers_.emplace_back(std::make_unique<Reader>()).get()),
            &runtime_.loop(2));
    }
    spawn(actors_, Background{"trouble"}, make_trouble(), &runtime_.loop(1));
    const SteadyTime stuck = runtime_.steady_now() + kStuck;
    runtime_.run_until([this, stuck] { return actors_.size() == 0 || runtime_.steady_now() > stuck; });
    if (actors_.size() != 0) {
      fault(fmt::format("{} actors are stuck", actors_.size()));
    }
    play(judge());
    play(end());
    return std::move(outcome_);
  }

  Process* find(std::string_view instance) override {
    const auto at = processes_.find(instance);
    return at == processes_.end() || !at->second->ready() ? nullptr : at->second.get();
  }

  void fault(std::string sentence) override {
    if (outcome_.faults.size() < kMostFaults) {
      outcome_.faults.push_back(std::move(sentence));
    }
  }

 private:
  void play(Task<void> task) {
    TaskGroup group{runtime_, "play"};
    spawn(group, Background{"play"}, std::move(task), &runtime_.loop(0));
    const SteadyTime stuck = runtime_.steady_now() + kStuck;
    if (!runtime_.run_until([&] { return group.size() == 0 || runtime_.steady_now() > stuck; }) ||
        group.size() != 0) {
      fault("a step does not end");
    }
  }

  Task<void> set_up() {
    const std::array schemas = {hub::hub_schema(), rows_schema()};
    co_await storage::migrate(*database_, schemas, runtime_.now_ms());
  }

  // Another choice of processes that write; those that run go by the former one until they are restarted.
  void reshard() {
    auto config = std::make_shared<testing::MapConfig>();
    json map = json::object();
    for (const char* instance : kInstances) {
      map[instance] = json::object();
    }
    config->set("instance_map", map);
    for (const StreamNumber number : kStreams) {
      json writers = json::array();
      while (writers.empty()) {
        for (const char* instance : kInstances) {
          if (runtime_.chance(50)) {
            writers.push_back(instance);
          }
        }
      }
      config->set("stream_writers." + std::string{stream::stream_name(number)}, writers);
    }
    config_ = config;
  }

  // What a service manager does.
  Task<void> keep_running(std::string instance) {
    while (!over_) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(0, 500)});
      auto process = std::make_unique<Process>(
          Process::Parts{.runtime = runtime_,
                         .town = *this,
                         .network = network_,
                         .database = *database_,
                         .faults = troubled_ ? faults_ : FaultyDatabase::Faults{},
                         .apply_fails_percent = troubled_ ? apply_fails_percent_ : 0},
          instance, config_);
      Process& own = *process;
      processes_[instance] = std::move(process);
      try {
        co_await own.start();
      } catch (const std::exception&) {
        own.kill();
      }
      while (own.alive() && !over_) {
        co_await runtime_.sleep_for(milliseconds{20});
      }
      if (!own.alive()) {
        ++outcome_.kills;
        co_await runtime_.sleep_for(milliseconds{runtime_.between(0, 1500)});
        graves_.push_back(std::move(processes_[instance]));
        processes_.erase(instance);
      }
    }
  }

  Task<void> make_trouble() {
    const SteadyTime end = runtime_.steady_now() + kTrouble;
    while (runtime_.steady_now() < end) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(100, 2500)});
      switch (runtime_.between(0, 5)) {
        case 0:
        case 1:
          if (Process* const process = any_process()) {
            process->kill();
          }
          break;
        case 2:
          reshard();
          ++outcome_.reshardings;
          for (const char* instance : kInstances) {
            co_await runtime_.sleep_for(milliseconds{runtime_.between(0, 1500)});
            if (Process* const process = find(instance)) {
              process->kill();
            }
          }
          break;
        default:
          if (Process* const process = any_process()) {
            process->transport().lose();
            ++outcome_.losses;
          }
      }
    }
    troubled_ = false;
    for (const auto& [instance, process] : processes_) {
      process->faultless();
    }
    co_await runtime_.sleep_for(kPeace / 2);
    quiet_ = true;
    co_await runtime_.sleep_for(kPeace);
    over_ = true;
  }

  Process* any_process() {
    return find(kInstances[static_cast<std::size_t>(runtime_.between(0, kInstances.size() - 1))]);
  }

  Task<void> write_on() {
    while (!quiet_) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 120)});
      Process* const process = any_process();
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
    while (!over_) {
      co_await runtime_.sleep_for(milliseconds{runtime_.between(1, 250)});
      if (Process* const process = any_process()) {
        try {
          co_await read_at(*reader, *process);
        } catch (const storage::Error&) {
          // The client keeps its token.
        }
      }
    }
  }

  Task<void> read_at(Reader& reader, Process& process) {
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
              "{} ms: row {} of stream {}, writer {}, was shown twice, the second time by {}, from {} to {}",
              runtime_.now_ms(), row.position, i, row.writer, process.instance(), from.text(), to.text()));
        }
        if (process.names(i, row.writer) && lacks(process, i, row)) {
          fault(fmt::format("{} ms: {} has reached {} without having applied row {} of stream {}, writer {}",
                            runtime_.now_ms(), process.instance(), to.text(), row.position, i, row.writer));
        }
        trace(static_cast<std::uint64_t>(row.position));
      }
    }
    reader.token = Token::later_of(from, to).text();
  }

  static bool lacks(const Process& process, std::size_t stream, const Found& row) {
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

  Task<void> judge() {
    for (std::size_t i = 0; i < kStreams.size(); ++i) {
      const std::vector<Found> all = co_await rows(*database_, kStreams[i], 0);
      outcome_.rows += all.size();
      std::set<std::int64_t> values;
      for (const Found& row : all) {
        values.insert(row.value);
        trace(static_cast<std::uint64_t>(row.value));
        for (const auto& [instance, process] : processes_) {
          if (process->ready() && lacks(*process, i, row)) {
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

  Task<void> end() {
    for (auto& [instance, process] : processes_) {
      process->kill();
      graves_.push_back(std::move(process));
    }
    processes_.clear();
    for (const auto& process : graves_) {
      co_await process->end();
    }
  }

  void trace(std::uint64_t value) { outcome_.trace = (outcome_.trace ^ value) * 1'099'511'628'211U; }

  VirtualRuntime runtime_;
  std::string folder_;
  std::unique_ptr<storage::Database> database_;
  FaultyNetwork network_;
  FaultyDatabase::Faults faults_;
  int apply_fails_percent_ = 0;
  std::shared_ptr<const Config> config_;
  std::map<std::string, std::unique_ptr<Process>, std::less<>> processes_;
  std::vector<std::unique_ptr<Process>> graves_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::map<const Process*, Token> stood_;
  std::set<std::pair<std::size_t, std::int64_t>> acknowledged_;
  std::int64_t values_ = 0;
  bool troubled_ = true;
  bool quiet_ = false;
  bool over_ = false;
  Outcome outcome_;
  TaskGroup actors_;
};

}  // namespace

Outcome simulate(std::uint64_t seed) {
  World world{seed};
  return world.run();
}

}  // namespace lares::sim
