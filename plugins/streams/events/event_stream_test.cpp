// SPDX-License-Identifier: Apache-2.0
#include "event_stream.hpp"

#include <sqlite/options.hpp>
#include <virtual_runtime.hpp>

#include <lares/matrix/event.hpp>
#include <lares/storage/migration.hpp>

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <stdlib.h>

#include "store_fakes.hpp"

namespace lares::events {
namespace {

using stream::StreamNumber;

/// Notes which rooms were woken, and for which positions.
class Woken final : public stream::Notifier {
 public:
  void room(std::int64_t, StreamNumber, stream::WriterNumber, std::int64_t position) override {
    positions.push_back(position);
  }
  void users(std::span<const std::int64_t>, StreamNumber, stream::WriterNumber, std::int64_t) override {}
  void joined(std::int64_t, std::int64_t) override {}
  void left(std::int64_t, std::int64_t) override {}
  Task<std::shared_ptr<stream::UserFeed>> feed(std::int64_t) override { co_return nullptr; }
  [[nodiscard]] std::shared_ptr<stream::UserFeed> find(std::int64_t) noexcept override { return nullptr; }

  std::vector<std::int64_t> positions;
};

class Publishing final : public OneProcess {
 public:
  void committed(StreamNumber, std::int64_t, std::function<std::vector<stream::Row>()> made) override {
    rows = made();
  }
  std::vector<stream::Row> rows;
};

class EventStreamTest : public ::testing::Test {
 protected:
  EventStreamTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "lares-event-stream-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    storage::sqlite::SqliteOptions options;
    options.path = folder_ + "/events.db";
    options.without_threads = true;
    options.take_lock = false;
    database_ = storage::sqlite::open_sqlite(options, runtime_);
    play(migrate());
    interner_ = std::make_unique<storage::Interner>(*database_, runtime_,
                                                    storage::InternerOptions{.server_name = "a.example"});
    caches_ = std::make_unique<RoomCaches>(loads_, *database_, *interner_, reader_, "a.example", false);
    stream_ = std::make_unique<EventStream>(*database_, *interner_, hub_, woken_, *caches_, reader_);
    play(name_room());
  }
  ~EventStreamTest() override {
    stream_.reset();
    caches_.reset();
    interner_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  Task<void> migrate() {
    const std::vector<storage::Schema> schemas{events_schema()};
    co_await storage::migrate(*database_, schemas, 0);
  }
  Task<void> name_room() { room_ = co_await interner_->intern_room("!r:a.example"); }
  void play(Task<void> task) {
    TaskGroup group{runtime_, "test"};
    spawn(group, Background{"test"}, std::move(task), &runtime_.loop(0));
    runtime_.run_until([&group] { return group.size() == 0; });
  }

  static matrix::EventDraft draft(std::string type, std::string content) {
    matrix::EventDraft draft;
    draft.type = std::move(type);
    draft.content = std::move(content);
    return draft;
  }

  /// What is published of an event, with its id written as "$e".
  std::vector<std::string> published(matrix::EventDraft draft, bool rejected = false,
                                     bool soft_failed = false) {
    draft.sender = "@a:a.example";
    draft.room_id = "!r:a.example";
    draft.origin_server_ts = 1;
    draft.depth = 1;
    AppliedEvent applied;
    auto stored = std::make_shared<service::StoredEvent>();
    stored->event = *matrix::build_unsigned(draft, *matrix::find_room_version("10"));
    stored->number = 5;
    stored->room = room_;
    stored->writer = 1;
    stored->position = 7;
    stored->rejected = rejected;
    stored->soft_failed = soft_failed;
    const std::string id{stored->event->event_id()};
    applied.stored = std::move(stored);
    stream_->committed({&applied, 1});
    std::vector<std::string> rows;
    for (const stream::Row& row : hub_.rows) {
      EXPECT_EQ(row.position, 7);
      std::string json = row.json;
      for (std::size_t at = json.find(id); at != std::string::npos; at = json.find(id)) {
        json.replace(at, id.size(), "$e");
      }
      rows.push_back(std::move(json));
    }
    return rows;
  }

  /// Whether the room is woken for rows of which the database has no event: nothing was read for them then.
  bool passes_over(const std::vector<std::string>& rows) {
    woken_.positions.clear();
    std::vector<stream::Row> arrived;
    for (const std::string& row : rows) {
      arrived.push_back({7, row});
    }
    play(stream_->apply(2, arrived, 7));
    stream_->wake(2, arrived, 7);
    EXPECT_LE(woken_.positions.size(), 1U);
    return woken_.positions == std::vector<std::int64_t>{7};
  }

  sim::VirtualRuntime runtime_{1, 1};
  TaskGroup loads_{runtime_, "loads"};
  std::string folder_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::Interner> interner_;
  Publishing hub_;
  Woken woken_;
  EventReader reader_;
  std::unique_ptr<RoomCaches> caches_;
  std::unique_ptr<EventStream> stream_;
  std::int64_t room_ = 0;
};

using Rows = std::vector<std::string>;

TEST_F(EventStreamTest, AMessageIsOneRow) {
  EXPECT_EQ(published(draft("m.room.message", R"({"body":"x"})")),
            Rows{R"(["ev",["$e","!r:a.example","m.room.message",null,null,null,null,false,false]])"});
}

TEST_F(EventStreamTest, ARelationAndARedactionNameTheirEvents) {
  EXPECT_EQ(published(draft("m.reaction",
                            R"({"m.relates_to":{"event_id":"$t","key":"+","rel_type":"m.annotation"}})")),
            Rows{R"(["ev",["$e","!r:a.example","m.reaction",null,null,"$t",null,false,false]])"});
  matrix::EventDraft redaction = draft("m.room.redaction", "{}");
  redaction.redacts = "$t";
  EXPECT_EQ(published(redaction),
            Rows{R"(["ev",["$e","!r:a.example","m.room.redaction",null,"$t",null,null,false,false]])"});
}

TEST_F(EventStreamTest, AStateEventHasARowForTheStateBehindItsOwn) {
  const std::string event = R"(["ev",["$e","!r:a.example","m.room.member","@b:a.example",null,null,)";
  const std::string changed = R"(["state",["!r:a.example","m.room.member","@b:a.example","$e"]])";
  matrix::EventDraft ban = draft("m.room.member", R"({"membership":"ban"})");
  ban.state_key = "@b:a.example";
  EXPECT_EQ(published(ban), (Rows{event + R"("ban",false,false]])", changed}));
  EXPECT_EQ(published(ban, true), Rows{event + R"("ban",true,false]])"});
  EXPECT_EQ(published(ban, false, true), Rows{event + R"("ban",false,false]])"});
}

TEST_F(EventStreamTest, ReadsNothingForARoomOfWhichItHoldsNothing) {
  const std::string topic = R"(["ev",["$e","!r:a.example","m.room.topic","",null,null,null,false,false]])";
  const std::string state = R"(["state",["!r:a.example","m.room.topic","","$e"]])";
  EXPECT_TRUE(
      passes_over({R"(["ev",["$e","!r:a.example","m.room.message",null,null,null,null,false,false]])"}));
  EXPECT_TRUE(passes_over({topic, state}));
  EXPECT_TRUE(passes_over(
      {R"(["ev",["$e","!r:a.example","m.room.message",null,null,null,null,false,false,"of tomorrow"]])"}));
}

TEST_F(EventStreamTest, ReadsWhatMayConcernOtherCachesAndWhatItDoesNotKnow) {
  for (const char* row :
       {R"(["ev",["$e","!r:a.example","m.room.member","@b:b",null,null,"join",false,false]])",
        R"(["ev",["$e","!r:a.example","m.room.redaction",null,"$t",null,null,false,false]])",
        R"(["ev",["$e","!r:a.example","m.reaction",null,null,"$t",null,false,false]])",
        R"(["ev",["$e","!unknown:a.example","m.room.message",null,null,null,null,false,false]])",
        R"(["ev",["$e","!r:a.example","m.room.message"]])", R"(["ev",["$e",5,"x",null,null,null,null,1,1]])",
        R"(["ev",{"room_id":"!r:a.example"}])", R"(["state",["!r:a.example","m.room.topic","","$e"]])",
        R"([5,[]])", "nothing", "[]"}) {
    EXPECT_FALSE(passes_over({row})) << row;
  }
}

}  // namespace
}  // namespace lares::events
