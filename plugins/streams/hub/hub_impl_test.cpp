// SPDX-License-Identifier: Apache-2.0
#include "hub_impl.hpp"

#include <lares_test/test_server.hpp>
#include <sqlite/options.hpp>
#include <virtual_runtime.hpp>

#include <lares/async/event.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/stream/command.hpp>
#include <lares/stream/stream_writer.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include <stdlib.h>

namespace lares::hub {
namespace {

using namespace std::chrono_literals;
using stream::StreamNumber;

constexpr auto kReceipts = StreamNumber::kReceipts;

/// Keeps its rows in a map, as a database would, and notes what it was given.
class FakeStream final : public stream::Stream {
 public:
  explicit FakeStream(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] std::string_view name() const noexcept override { return name_; }
  [[nodiscard]] bool in_memory() const noexcept override { return memory; }
  Task<std::int64_t> present(storage::Database&) override {
    co_return std::max(drawn, kept.empty() ? 1 : kept.rbegin()->first);
  }
  Task<std::vector<stream::StreamPosition::Ahead>> committed_beyond(storage::Database&,
                                                                    stream::StreamPosition) override {
    ++looks;
    const std::vector<stream::StreamPosition::Ahead> found = committed;
    if (slow) {
      co_await look_on.wait();
    }
    co_return found;
  }
  Task<void> apply(stream::WriterNumber, std::span<const stream::Row> rows, std::int64_t) override {
    if (held) {
      co_await go_on.wait();
    }
    if (std::exchange(apply_fails, false)) {
      throw std::runtime_error{"not now"};
    }
    ++calls;
    for (const stream::Row& row : rows) {
      applied.push_back(row.position);
    }
  }
  void wake(stream::WriterNumber, std::span<const stream::Row> rows, std::int64_t) override {
    woken += rows.size();
  }
  Task<stream::Updates> updates(stream::WriterNumber, std::int64_t from, std::int64_t to,
                                std::size_t limit) override {
    ++asked;
    if (std::exchange(updates_fail, false)) {
      throw storage::Unavailable{"the database is away"};
    }
    stream::Updates updates{.rows = {}, .upto = to, .limited = false};
    for (auto at = kept.upper_bound(from); at != kept.end() && at->first <= to; ++at) {
      if (updates.rows.size() == limit) {
        updates.upto = updates.rows.back().position;
        updates.limited = true;
        break;
      }
      updates.rows.push_back({at->first, at->second});
    }
    co_return updates;
  }

  std::map<std::int64_t, std::string> kept;
  std::int64_t drawn = 0;
  std::vector<stream::StreamPosition::Ahead> committed;
  std::vector<std::int64_t> applied;
  std::size_t woken = 0;
  int calls = 0;
  int asked = 0;
  int looks = 0;
  bool apply_fails = false;
  bool updates_fail = false;
  bool held = false;
  bool memory = false;
  bool slow = false;
  Event go_on;
  Event look_on;

 private:
  std::string name_;
};

class FakeTransport final : public stream::Transport {
 public:
  [[nodiscard]] std::string_view name() const noexcept override { return "local"; }
  [[nodiscard]] bool active() const noexcept override { return true; }
  void open(stream::TransportListener& opened) override { listener = &opened; }
  void publish(std::string line) override {
    const std::lock_guard lock{mutex_};
    if (const Loop* const loop = Loop::current(); loop != nullptr && line.starts_with("RDATA")) {
      from.insert(loop->index());
    }
    published.push_back(std::move(line));
  }
  Task<void> close() noexcept override { co_return; }

  stream::TransportListener* listener = nullptr;
  std::vector<std::string> published;
  std::set<std::size_t> from;  // the loops on which rows were published

 private:
  std::mutex mutex_;
};

class HubTest : public ::testing::Test {
 protected:
  HubTest() {
    auto config = std::make_shared<testing::MapConfig>();
    config->set("instance_map", {{"master", nlohmann::json::object()}, {"w1", nlohmann::json::object()}})
        .set("stream_writers.receipts", {"w1"})
        .set("stream_writers.events", {"w1"});
    server_ = std::make_unique<testing::TestServer>(runtime_, "master", config);
    std::string pattern = std::filesystem::temp_directory_path() / "lares-hub-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    storage::sqlite::SqliteOptions options;
    options.path = folder_ + "/hub.db";
    options.without_threads = true;
    options.take_lock = false;
    database_ = storage::sqlite::open_sqlite(options, runtime_);
    server_->services().join<stream::Stream>(receipts_);
    server_->services().join<stream::Stream>(caches_);
    server_->services().join<stream::Transport>(transport_);
    hub_ = std::make_unique<HubImpl>(*server_, *database_);
  }
  ~HubTest() override {
    play(hub_->stop());
    hub_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start() {
    play(migrate());
    play(hub_->start());
    play(learn_writer());
    receipts_.drawn = 100'000;
    connect();
  }
  Task<void> migrate() {
    const std::vector<storage::Schema> schemas = {hub_schema()};
    co_await storage::migrate(*database_, schemas, 0);
  }
  Task<void> learn_writer() { w1_ = co_await hub_->writer_number("w1"); }
  /// What a process does that begins with these writers.
  Task<void> set_writers(std::vector<std::string> writers) {
    co_await database_->write("set_writers", [&writers](storage::WriteTransaction& tx) {
      testing::MapConfig config;
      config.set("stream_writers.receipts", writers);
      for (const std::string& writer : writers) {
        (void)take_shards(tx, "receipts", stream::ShardMap{config, "receipts", writer}, writer, 9);
      }
    });
  }
  Task<void> ask(stream::Token token, stream::Token& result) {
    cut_ = false;
    result = co_await hub_->believed(std::move(token), cut_);
  }

  Task<void> wait_for(stream::StreamPosition position, bool& result) {
    result = co_await hub_->reached(kReceipts, std::move(position), 500ms);
  }

  void play(Task<void> task) {
    TaskGroup group{runtime_, "test"};
    spawn(group, Background{"test"}, std::move(task), &runtime_.loop(0));
    runtime_.run_until([&group] { return group.size() == 0; });
  }
  /// Another process of the same server, with `writers` as the list of the receipts' writers.
  struct WriterProcess {
    WriterProcess(HubTest& own, std::string name, ConfigPtr config)
        : test(own),
          server(own.runtime_, std::move(name), std::move(config)),
          hub(server, *own.database_, [this] { replaced = true; }) {
      server.services().join<stream::Stream>(receipts);
      test.play(hub.start());
    }
    ~WriterProcess() { test.play(hub.stop()); }
    bool may_write() {
      replaced = false;
      test.play(try_to_write());
      return !replaced;
    }
    Task<void> try_to_write() {
      try {
        co_await test.database_->write("lock_writer",
                                       [this](storage::WriteTransaction& tx) { hub.lock_writer(tx); });
      } catch (const storage::Unavailable&) {
        EXPECT_TRUE(replaced);
      }
    }

    HubTest& test;
    FakeStream receipts{"receipts"};
    testing::TestServer server;
    bool replaced = false;
    HubImpl hub;
  };
  /// The process w1, which writes the receipts, with a connection.
  struct WritingProcess {
    explicit WritingProcess(HubTest& own)
        : test(own), server(own.runtime_, "w1", own.server_->config()), hub(server, *own.database_) {
      server.services().join<stream::Stream>(receipts);
      server.services().join<stream::Transport>(transport);
      server.services().provide<stream::Hub>(hub);
      server.services().provide<storage::Database>(*own.database_);
      writer.emplace(server, receipts, kReceipts,
                     stream::StreamWriter<int>::Parts{
                         .store = [](storage::WriteTransaction&, const int&, std::int64_t) {},
                         .rows = [](const int&) { return std::vector<std::string>{"[1]"}; },
                         .encode = [](const int& change) { return std::to_string(change); },
                         .decode = [](const std::string& text) { return std::stoi(text); }});
      test.play(hub.start());
      test.on_loop([this] { transport.listener->transport_connected(); });
    }
    ~WritingProcess() {
      test.play(writer->drain());
      test.play(hub.stop());
    }
    Task<void> write() { (void)co_await writer->write("@a:example.org", 1); }

    HubTest& test;
    FakeStream receipts{"receipts"};
    FakeTransport transport;
    testing::TestServer server;
    HubImpl hub;
    std::optional<stream::StreamWriter<int>> writer;
  };
  std::unique_ptr<WriterProcess> writer_process(std::string name, const nlohmann::json& writers) {
    auto config = std::make_shared<testing::MapConfig>();
    config->set("instance_map", {{"master", nlohmann::json::object()}})
        .set("stream_writers.receipts", writers);
    return std::make_unique<WriterProcess>(*this, std::move(name), std::move(config));
  }
  void on_loop(std::function<void()> function) {
    bool done = false;
    runtime_.loop(0).post([&done, function = std::move(function)] {
      function();
      done = true;
    });
    runtime_.run_until([&done] { return done; });
  }
  void connect() {
    on_loop([this] { transport_.listener->transport_connected(); });
    hear({"WRITERS receipts w1 0", "WRITERS receipts w2 0"});
  }
  void disconnect() {
    on_loop([this] { transport_.listener->transport_disconnected(); });
  }
  bool catch_up() {
    bool behind = false;
    std::exception_ptr failure;
    play(catch_up_into(behind, failure));
    if (failure) {
      std::rethrow_exception(failure);
    }
    return behind;
  }
  Task<void> catch_up_into(bool& behind, std::exception_ptr& failure) {
    try {
      behind = co_await hub_->catch_up();
    } catch (...) {
      failure = std::current_exception();
    }
  }
  /// Other processes say this, and it is worked through.
  void hear(const std::vector<std::string>& lines) {
    on_loop([&] {
      for (const std::string& line : lines) {
        transport_.listener->received(line);
      }
    });
    pass(100ms);
  }
  void pass(std::chrono::milliseconds time) {
    TaskGroup group{runtime_, "time"};
    spawn(group, Background{"time"}, runtime_.sleep_for(time), &runtime_.loop(0));
    runtime_.run_until([&group] { return group.size() == 0; });
  }
  void keep(std::int64_t first, std::int64_t last) {
    for (std::int64_t position = first; position <= last; ++position) {
      receipts_.kept[position] = "[1]";
    }
  }
  std::set<std::string> writers() {
    StreamLists lists;
    play(read_lists(lists));
    return lists["receipts"].writers;
  }
  Task<void> read_lists(StreamLists& lists) { lists = co_await database_->read("lists", read_stream_lists); }
  [[nodiscard]] std::int64_t minimum() const { return hub_->now().minimum(kReceipts); }
  [[nodiscard]] std::int64_t here() const { return hub_->position(kReceipts).of(w1_); }

  static std::string row(std::int64_t position) {
    return "RDATA receipts w1 " + std::to_string(position) + " [1]";
  }
  static std::vector<std::int64_t> from_to(std::int64_t first, std::int64_t last) {
    std::vector<std::int64_t> numbers;
    for (; first <= last; ++first) {
      numbers.push_back(first);
    }
    return numbers;
  }

  sim::VirtualRuntime runtime_{1, 2};
  FakeStream receipts_{"receipts"};
  FakeStream caches_{"caches"};
  FakeTransport transport_;
  std::unique_ptr<testing::TestServer> server_;
  std::string folder_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<HubImpl> hub_;
  bool cut_ = false;
  stream::WriterNumber w1_ = 0;
};

TEST_F(HubTest, TakesRowsUpAsTheyComeOnceTheWriterHasSaidWhereItStands) {
  start();
  hear({"POSITION receipts w1 1 1", row(2), row(3)});
  EXPECT_EQ(receipts_.applied, from_to(2, 3));
  EXPECT_EQ(receipts_.woken, 2U);
  EXPECT_EQ(receipts_.asked, 0);
  EXPECT_EQ(here(), 3);
}

TEST_F(HubTest, ReadsFromTheDatabaseWhatWasWrittenBeforeThePosition) {
  start();
  keep(2, 3);
  hear({row(2), row(3)});
  EXPECT_TRUE(receipts_.applied.empty());
  hear({"POSITION receipts w1 3 3"});
  EXPECT_EQ(receipts_.applied, from_to(2, 3));
  EXPECT_EQ(here(), 3);
}

TEST_F(HubTest, FillsALongGapInSteps) {
  start();
  keep(2, 1301);
  hear({"POSITION receipts w1 1301 1400", row(1401)});
  EXPECT_EQ(receipts_.applied.size(), 1301U);
  EXPECT_TRUE(std::ranges::is_sorted(receipts_.applied));
  EXPECT_EQ(receipts_.asked, 3);
  EXPECT_EQ(here(), 1401);
}

TEST_F(HubTest, APositionWithoutAGapAsksNobody) {
  start();
  hear({"POSITION receipts w1 1 1", row(2), "POSITION receipts w1 2 40"});
  EXPECT_EQ(receipts_.asked, 0);
  EXPECT_EQ(here(), 40);
}

TEST_F(HubTest, NeverGoesBack) {
  start();
  hear({"POSITION receipts w1 1 40", "POSITION receipts w1 1 30", row(35)});
  EXPECT_EQ(here(), 40);
  EXPECT_TRUE(receipts_.applied.empty());
}

TEST_F(HubTest, RowsOfOnePositionAreTakenUpTogether) {
  start();
  hear({"POSITION receipts w1 1 1", "RDATA receipts w1 batch [1]", "RDATA receipts w1 batch [1]"});
  EXPECT_TRUE(receipts_.applied.empty());
  EXPECT_EQ(here(), 1);
  hear({row(7)});
  EXPECT_EQ(receipts_.applied, (std::vector<std::int64_t>{7, 7, 7}));
  EXPECT_EQ(receipts_.calls, 1);
}

TEST_F(HubTest, ABatchThatAPositionCutsOffIsReadFromTheDatabase) {
  start();
  keep(7, 7);
  hear({"POSITION receipts w1 1 1", "RDATA receipts w1 batch [1]", "POSITION receipts w1 7 7",
        "RDATA receipts w1 batch [1]", row(7), row(8)});
  EXPECT_EQ(receipts_.applied, from_to(7, 8));
}

TEST_F(HubTest, HalfABatchDoesNotOutliveItsConnection) {
  start();
  hear({"POSITION receipts w1 1 1", "RDATA receipts w1 batch [1]"});
  disconnect();
  connect();
  hear({"POSITION receipts w1 1 1", row(8)});
  EXPECT_EQ(receipts_.applied, std::vector<std::int64_t>{8});
}

TEST_F(HubTest, RowsBehindALossWaitForAPosition) {
  start();
  hear({"POSITION receipts w1 1 1", row(2)});
  disconnect();
  connect();
  keep(2, 4);
  hear({row(4)});
  EXPECT_EQ(here(), 2);
  hear({"POSITION receipts w1 4 4"});
  EXPECT_EQ(receipts_.applied, from_to(2, 4));
}

TEST_F(HubTest, WhatWasNotTakenUpComesWithTheNextPositionAndNothingBeforeIt) {
  start();
  keep(2, 4);
  receipts_.apply_fails = true;
  hear({"POSITION receipts w1 1 1", row(2), row(3), row(4)});
  EXPECT_TRUE(receipts_.applied.empty());
  EXPECT_EQ(here(), 1);
  receipts_.updates_fail = true;
  hear({"POSITION receipts w1 4 4"});
  EXPECT_EQ(here(), 1);
  hear({"POSITION receipts w1 4 4", row(5)});
  EXPECT_EQ(receipts_.applied, from_to(2, 5));
  EXPECT_EQ(here(), 5);
}

TEST_F(HubTest, WhatIsTooMuchToWaitIsReadFromTheDatabaseLater) {
  start();
  hear({"POSITION receipts w1 1 1"});
  receipts_.held = true;
  std::vector<std::string> lines;
  const auto most = static_cast<std::int64_t>(HubImpl::kMostQueued);
  for (std::int64_t position = 2; position < most + 1000; ++position) {
    lines.push_back(row(position));
  }
  hear(lines);
  receipts_.held = false;
  on_loop([this] { receipts_.go_on.set(); });
  pass(100ms);
  const std::int64_t stopped = here();
  EXPECT_LT(stopped, most + 100);
  hear({row(most + 1000)});
  EXPECT_EQ(here(), stopped);
  keep(2, most + 1000);
  hear({"POSITION receipts w1 " + std::to_string(most + 1000) + " " + std::to_string(most + 1000)});
  EXPECT_EQ(receipts_.applied, from_to(2, most + 1000));
}

TEST_F(HubTest, TakesNothingUpOfAProcessThatIsNotAmongTheWriters) {
  start();
  hear({"POSITION receipts w1 1 20", "POSITION receipts w2 1 1", "RDATA receipts w2 12 [1]"});
  EXPECT_TRUE(receipts_.applied.empty());
  EXPECT_EQ(here(), 20);
}

TEST_F(HubTest, PassesOverNothingOfAWriterWhoIsNew) {
  start();
  play(set_writers({"w1", "w2"}));
  hear({"POSITION receipts w1 1 1", row(5)});
  EXPECT_EQ(minimum(), 5);
  hear({"WRITERS receipts w1 9", "POSITION receipts w1 20 20"});
  EXPECT_EQ(here(), 20);
  EXPECT_EQ(minimum(), 5);
  hear({"WRITERS receipts w2 9", "POSITION receipts w2 1 1", "RDATA receipts w2 12 [1]"});
  EXPECT_EQ(receipts_.applied, (std::vector<std::int64_t>{5, 12}));
  EXPECT_EQ(minimum(), 12);
}

TEST_F(HubTest, AsksWhoWritesBeforeItReadsWhatItWasAskedToWaitFor) {
  start();
  play(set_writers({"w1", "w2"}));
  keep(8, 8);
  receipts_.committed = {{w1_, 8}};
  EXPECT_TRUE(catch_up());
  EXPECT_EQ(here(), 8);
  EXPECT_EQ(minimum(), 1);
}

TEST_F(HubTest, TakesUpWhatAFormerWriterWroteAndWaitsForHimNoLonger) {
  start();
  play(set_writers({"w2"}));
  keep(3, 3);
  receipts_.updates_fail = true;
  hear({"WRITERS receipts w2 9", "POSITION receipts w2 2 2", "RDATA receipts w2 4 [1]"});
  EXPECT_TRUE(receipts_.applied.empty());
  EXPECT_EQ(minimum(), 1);
  hear({"POSITION receipts w2 2 2", "RDATA receipts w2 8 [1]"});
  EXPECT_EQ(receipts_.applied, (std::vector<std::int64_t>{3, 8}));
  EXPECT_EQ(minimum(), 8);
  hear({row(9)});
  EXPECT_EQ(receipts_.applied.back(), 8);
}

TEST_F(HubTest, GoesByTheDatabasesListWhereAWriterDoesNotSayByWhichItGoes) {
  start();
  on_loop([this] { transport_.listener->transport_disconnected(); });
  on_loop([this] { transport_.listener->transport_connected(); });
  hear({"POSITION receipts w1 1 7", row(8)});
  EXPECT_EQ(here(), 8);
  EXPECT_EQ(minimum(), 8);
  play(set_writers({"w1", "w2"}));
  hear({"POSITION receipts w1 8 9"});
  EXPECT_EQ(here(), 9);
  EXPECT_EQ(minimum(), 8);
}

TEST_F(HubTest, DoesNotBelieveAPositionThatNobodyHasDrawn) {
  start();
  receipts_.drawn = 20;
  hear({"POSITION receipts w1 1 9223372036854775807", row(2)});
  EXPECT_EQ(here(), 1);
  EXPECT_TRUE(receipts_.applied.empty());
  keep(2, 2);
  hear({"POSITION receipts w1 2 2", row(3)});
  EXPECT_EQ(here(), 3);
  hear({row(9223372036854775807), row(4), "POSITION receipts w1 3 21"});
  EXPECT_EQ(here(), 3);
  EXPECT_EQ(receipts_.applied, from_to(2, 3));
  receipts_.held = true;
  hear({"POSITION receipts w1 3 3", row(4), row(9223372036854775807), row(5)});
  receipts_.held = false;
  on_loop([this] { receipts_.go_on.set(); });
  pass(100ms);
  EXPECT_EQ(here(), 4);
  EXPECT_EQ(receipts_.applied, from_to(2, 4));
  receipts_.drawn = 21;
  hear({"POSITION receipts w1 4 21", row(21)});
  EXPECT_EQ(here(), 21);
}

TEST_F(HubTest, BelievesOfAStreamInMemoryWhatTheNextProcessCouldHaveAtMost) {
  receipts_.memory = true;
  start();
  const std::int64_t highest = hub_->incarnation_position() + (std::int64_t{1} << 32) - 1;
  hear({"POSITION receipts w1 1 " + std::to_string(highest + 1)});
  EXPECT_EQ(here(), 1);
  hear({"POSITION receipts w1 1 " + std::to_string(highest)});
  EXPECT_EQ(here(), highest);
}

TEST_F(HubTest, LooksIntoTheDatabaseWhileNobodyTellsItAnything) {
  start();
  pass(10ms);
  disconnect();
  keep(2, 3);
  caches_.kept[6] = "[1]";
  receipts_.committed = {{w1_, 3}};
  pass(3s);
  EXPECT_EQ(receipts_.applied, from_to(2, 3));
  EXPECT_EQ(receipts_.woken, 2U);
  EXPECT_EQ(caches_.applied, std::vector<std::int64_t>{6});
}

TEST_F(HubTest, AWriterThatStartsWithAnotherListEndsThoseFromWhomItTakesSomething) {
  start();
  auto first = writer_process("w1", {"w1"});
  auto reader = writer_process("w2", {"w1"});
  EXPECT_TRUE(first->may_write());
  auto second = writer_process("w2", {"w1", "w2"});
  EXPECT_FALSE(first->may_write());
  EXPECT_TRUE(second->may_write());
  auto renewed = writer_process("w1", {"w1", "w2"});
  EXPECT_TRUE(renewed->may_write());
  EXPECT_TRUE(second->may_write());
  auto alone = writer_process("w2", {"w2"});
  EXPECT_FALSE(renewed->may_write());
}

TEST_F(HubTest, WhoGivesSomethingUpNamesWhoHasItNow) {
  start();
  auto first = writer_process("w1", {"w1"});
  auto less = writer_process("w1", {"w1", "w3"});
  EXPECT_EQ(writers(), (std::set<std::string>{"w1", "w3"}));
  auto third = writer_process("w3", {"w1", "w3"});
  EXPECT_TRUE(less->may_write());
  EXPECT_TRUE(third->may_write());
}

TEST_F(HubTest, OfAStreamInMemoryLeavesOutWhatAnotherWritesThanStreamWritersNames) {
  receipts_.memory = true;
  start();
  hear({"POSITION receipts w1 1 1", "POSITION receipts w2 1 1", "RDATA receipts w2 12 [1]",
        "RDATA receipts w1 13 [1]"});
  EXPECT_EQ(receipts_.applied, std::vector<std::int64_t>{13});
  EXPECT_EQ(here(), 13);
}

TEST_F(HubTest, AStreamThatAllMayWriteNeedsNoPosition) {
  start();
  hear({"RDATA caches w1 5 [1]", "POSITION caches w1 9 9", "RDATA caches w2 4 [1]"});
  EXPECT_EQ(caches_.applied, (std::vector<std::int64_t>{5, 4}));
}

TEST_F(HubTest, WhatWasNotTakenUpOfAStreamThatAllMayWriteHoldsUpNothingAfterIt) {
  start();
  caches_.apply_fails = true;
  hear({"RDATA caches w1 5 [1]"});
  EXPECT_TRUE(caches_.applied.empty());
  hear({"RDATA caches w1 6 [1]"});
  EXPECT_EQ(caches_.applied, std::vector<std::int64_t>{6});
}

TEST_F(HubTest, CatchesUpWithWhatTheDatabaseSaysThatOthersCommitted) {
  start();
  EXPECT_FALSE(catch_up());
  keep(2, 3);
  receipts_.committed = {{w1_, 3}};
  EXPECT_TRUE(catch_up());
  EXPECT_EQ(receipts_.applied, from_to(2, 3));
  EXPECT_EQ(here(), 3);
  EXPECT_FALSE(catch_up());
  caches_.kept[6] = "[1]";
  EXPECT_TRUE(catch_up());
  EXPECT_EQ(caches_.applied, std::vector<std::int64_t>{6});
  // What this process wrote itself it knows.
  receipts_.committed = {{hub_->self(), 9}};
  EXPECT_FALSE(catch_up());
}

TEST_F(HubTest, LooksOnceForAllWhoAskMeanwhileAndNotBeforeTheyAsked) {
  start();
  receipts_.slow = true;
  std::array<bool, 40> behind{};
  std::array<std::exception_ptr, 40> failures;
  TaskGroup group{runtime_, "asks"};
  const auto ask = [&](std::size_t i) {
    spawn(group, Background{"ask"}, catch_up_into(behind.at(i), failures.at(i)), &runtime_.loop(i % 2));
  };
  ask(0);
  pass(10ms);
  ASSERT_EQ(receipts_.looks, 1);
  for (std::size_t i = 1; i < behind.size(); ++i) {
    ask(i);
  }
  pass(10ms);
  EXPECT_EQ(receipts_.looks, 1);
  // Committed after the first has looked.
  keep(2, 2);
  receipts_.committed = {{w1_, 2}};
  on_loop([this] { receipts_.look_on.set(); });
  runtime_.run_until([&group] { return group.size() == 0; });
  EXPECT_EQ(receipts_.looks, 2);
  EXPECT_TRUE(std::ranges::all_of(failures, [](const auto& failure) { return !failure; }));
  EXPECT_TRUE(std::ranges::all_of(behind.begin() + 1, behind.end(), std::identity{}));
}

TEST_F(HubTest, WhoWaitsForALookWhenTheProcessEndsIsToldSo) {
  start();
  receipts_.slow = true;
  std::array<bool, 2> behind{};
  std::array<std::exception_ptr, 2> failures;
  TaskGroup group{runtime_, "asks"};
  for (std::size_t i = 0; i < behind.size(); ++i) {
    spawn(group, Background{"ask"}, catch_up_into(behind.at(i), failures.at(i)), &runtime_.loop(0));
    pass(10ms);
  }
  play(hub_->stop());
  runtime_.run_until([&group] { return group.size() == 0; });
  for (const std::exception_ptr& failure : failures) {
    ASSERT_TRUE(failure);
    EXPECT_THROW(std::rethrow_exception(failure), http::MatrixError);
  }
}

TEST_F(HubTest, TakesUpWhatAClientHasBeenShownByAnotherProcess) {
  start();
  keep(2, 5);
  const auto reached = [this](stream::StreamPosition position) {
    bool result = false;
    play(wait_for(std::move(position), result));
    return result;
  };
  receipts_.committed = {{w1_, 5}};
  EXPECT_TRUE(reached(stream::StreamPosition{3}));
  EXPECT_EQ(receipts_.applied, from_to(2, 3));
  EXPECT_TRUE(reached({2, {{w1_, 5}}}));
  EXPECT_EQ(receipts_.applied, from_to(2, 5));
  EXPECT_TRUE(reached({2, {{hub_->self(), 50}}}));
  receipts_.updates_fail = true;
  EXPECT_FALSE(reached(stream::StreamPosition{9}));
}

TEST_F(HubTest, WhatATokenClaimsHidesNothingThatItsWriterHasStillOpen) {
  start();
  hear({"POSITION receipts w1 1 1"});
  keep(2, 3);
  receipts_.committed = {{w1_, 3}};
  bool result = true;
  play(wait_for(stream::StreamPosition{9}, result));
  EXPECT_FALSE(result);
  EXPECT_EQ(receipts_.applied, from_to(2, 3));
  // Drawn before, committed after.
  hear({"RDATA receipts w1 5 [5]"});
  EXPECT_EQ(receipts_.applied.back(), 5);
}

TEST_F(HubTest, SaysSoWhereItCannotCatchUp) {
  start();
  receipts_.committed = {{w1_, 3}};
  receipts_.updates_fail = true;
  EXPECT_THROW(catch_up(), http::MatrixError);
}

TEST_F(HubTest, AStreamThatAllMayWriteIsReadAgainAfterALossBeforeItIsReliedOn) {
  start();
  pass(10ms);
  EXPECT_TRUE(hub_->connected());
  disconnect();
  EXPECT_FALSE(hub_->connected());
  caches_.kept[6] = "[1]";
  caches_.updates_fail = true;
  connect();
  pass(10ms);
  EXPECT_FALSE(hub_->connected());
  pass(5s);
  EXPECT_TRUE(hub_->connected());
  EXPECT_EQ(caches_.applied, std::vector<std::int64_t>{6});
}

TEST_F(HubTest, AsksForPositionsWhenItIsConnectedAndAnnouncesItsOwnAgainAndAgain) {
  start();
  EXPECT_EQ(transport_.published.front(), "REPLICATE");
  transport_.published.clear();
  pass(5s);
  EXPECT_TRUE(transport_.published.empty());  // it writes none of the two
}

TEST_F(HubTest, AnnouncesNoPositionAheadOfTheRowsUpToIt) {
  start();
  WritingProcess writer{*this};
  constexpr std::int64_t kLast = 60'000;
  std::atomic<bool> over{false};
  std::thread commits{[&writer, &over] {
    for (std::int64_t position = 2; position <= kLast; ++position) {
      writer.hub.committed(kReceipts, position,
                           [position] { return std::vector<stream::Row>{{position, "[1]"}}; });
    }
    over = true;
  }};
  while (!over) {
    writer.transport.listener->received("REPLICATE");
  }
  commits.join();
  // Where somebody who goes by what is said stands, and up to where it has read the rows from the database.
  std::int64_t here = 1;
  std::int64_t read = 1;
  std::size_t lost = 0;
  for (const std::string& line : writer.transport.published) {
    const auto command = stream::parse_command(line);
    ASSERT_TRUE(command.has_value()) << line;
    if (const auto* rdata = std::get_if<stream::RdataCommand>(&*command)) {
      lost += *rdata->token <= here && *rdata->token > read ? 1 : 0;
      here = std::max(here, *rdata->token);
    } else if (const auto* position = std::get_if<stream::PositionCommand>(&*command)) {
      read = position->previous > here ? position->current : read;
      here = std::max(here, position->current);
    }
  }
  EXPECT_EQ(lost, 0U);
}

TEST_F(HubTest, PublishesTheRowsOfAStreamFromOneLoopWhicheverAskedForThem) {
  start();
  WritingProcess writer{*this};
  for (const std::size_t loop : {0U, 1U, 0U, 1U}) {
    TaskGroup group{runtime_, "write"};
    spawn(group, Background{"write"}, writer.write(), &runtime_.loop(loop));
    runtime_.run_until([&group] { return group.size() == 0; });
  }
  EXPECT_EQ(writer.receipts.applied.size(), 4U);
  EXPECT_EQ(writer.transport.from, std::set<std::size_t>{0});
}

TEST_F(HubTest, CountsCommandsByNameAndRowsByStream) {
  start();
  hear({"POSITION receipts w1 1 1", row(2), row(3), "NEWS of the next release"});
  receipts_.held = true;
  hear({row(4), row(5), row(6)});
  const std::string shown = server_->metrics().expose();
  const auto shows = [&shown](std::string_view line) { return shown.find(line) != std::string::npos; };
  const std::string commands = "synapse_replication_tcp_protocol_inbound_commands_total{server_name=\"" +
                               server_->name() + "\",command=";
  EXPECT_TRUE(shows(commands + "\"RDATA\",name=\"local\"} 5\n")) << shown;
  EXPECT_TRUE(shows(commands + "\"POSITION\",name=\"local\"} 1\n"));
  EXPECT_TRUE(shows(commands + "\"other\",name=\"local\"} 1\n"));
  EXPECT_TRUE(shows("outbound_commands_total{server_name=\"" + server_->name() +
                    "\",command=\"REPLICATE\",name=\"local\"} 1\n"));
  EXPECT_TRUE(shows("inbound_rdata_count_total{server_name=\"" + server_->name() +
                    "\",stream_name=\"receipts\"} 5\n"));
  EXPECT_TRUE(shows("command_queue{server_name=\"" + server_->name() + "\",stream_name=\"receipts\"} 2\n"));
  receipts_.held = false;
  on_loop([this] { receipts_.go_on.set(); });
  pass(100ms);
  EXPECT_EQ(here(), 6);
}

TEST_F(HubTest, BelievesATokenAsFarAsTheDatabaseHasCome) {
  start();
  receipts_.drawn = 0;
  keep(1, 9);
  const auto token = [](std::int64_t position) {
    stream::Token made;
    made.set(kReceipts, position);
    return made;
  };
  const auto believed = [this, &token](std::int64_t position) {
    stream::Token result;
    play(ask(token(position), result));
    return result.minimum(kReceipts);
  };
  ASSERT_LT(here(), 9);
  EXPECT_EQ(believed(9), 9);
  EXPECT_FALSE(cut_);
  EXPECT_EQ(believed(12), 9);
  EXPECT_TRUE(cut_);
}

TEST_F(HubTest, BeginsAboveWhereAnyOtherProcessHasBegun) {
  start();
  const std::int64_t before = hub_->incarnation_position();
  testing::TestServer other{runtime_, "w1", server_->config()};
  HubImpl hub{other, *database_};
  play(hub.start());
  EXPECT_GT(hub.incarnation_position(), before);
  play(hub.stop());
}

TEST_F(HubTest, PassesOverWhatItCannotRead) {
  start();
  hear({"", "RDATA", "RDATA receipts w1 x [1]", "POSITION receipts w1 1", "NEWS of the next release",
        "RDATA unknown w1 1 [1]", "POSITION receipts w1 1 1", row(2)});
  EXPECT_EQ(receipts_.applied, std::vector<std::int64_t>{2});
}

}  // namespace
}  // namespace lares::hub
