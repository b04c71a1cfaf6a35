// SPDX-License-Identifier: Apache-2.0
#include "room_caches.hpp"

#include <sqlite/options.hpp>
#include <virtual_runtime.hpp>

#include <lares/async/when_all.hpp>
#include <lares/storage/migration.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <stdlib.h>

#include "room_writer.hpp"
#include "store_fakes.hpp"

namespace lares::events {
namespace {

using service::NewEvent;
using service::StoredEventPtr;
using service::WriteRequest;
using storage::ReadTransaction;

NewEvent event(std::string type, std::optional<std::string> state_key, std::string content) {
  return {.type = std::move(type),
          .state_key = std::move(state_key),
          .sender = *matrix::UserId::parse("@alice:a.example"),
          .content = std::move(content),
          .redacts = {},
          .origin_server_ts = 0};
}

/// A room in a database, and the caches of a process that reads it.
class RoomCachesTest : public ::testing::Test {
 protected:
  RoomCachesTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "lares-room-caches-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    storage::sqlite::SqliteOptions options;
    options.path = folder_ + "/events.db";
    options.without_threads = true;
    options.take_lock = false;
    database_ = storage::sqlite::open_sqlite(options, runtime_);
    play(migrate());
    interner_ = std::make_unique<storage::Interner>(*database_, runtime_,
                                                    storage::InternerOptions{.server_name = "a.example"});
    writer_ = std::make_unique<RoomWriter>(
        runtime_, *database_, *interner_, hub_, keys_, reader_, std::vector<service::EventSink*>{},
        [](std::span<const std::shared_ptr<service::StoredEvent>>, std::span<const PreparedWritePtr>) {},
        [](std::string_view) { return true; }, WriterLimits{});
    caches_ = std::make_unique<RoomCaches>(loads_, *database_, *interner_, reader_, "a.example", false);
    play(make_room());
  }
  ~RoomCachesTest() override {
    play(writer_->stop());
    writer_.reset();
    caches_.reset();
    interner_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  Task<void> migrate() {
    const std::vector<storage::Schema> schemas{events_schema()};
    co_await storage::migrate(*database_, schemas, 0);
  }
  Task<void> make_room() {
    WriteRequest create;
    create.room_version = "11";
    create.events.push_back(event("m.room.create", "", R"({"room_version":"11"})"));
    create.events.push_back(event("m.room.member", "@alice:a.example", R"({"membership":"join"})"));
    const service::WriteResult made = co_await writer_->write(std::move(create));
    room_id_ = made.room;
    room_ = *co_await interner_->lookup_room(made.room.view());
  }
  /// Writes as many events, and gives the last one as the database has it.
  StoredEventPtr write(const NewEvent& what, std::size_t count = 1) {
    play(write_now(what, count));
    return newest_;
  }
  Task<void> write_now(NewEvent what, std::size_t count) {
    WriteRequest request;
    request.room = room_id_;
    request.events.assign(count, std::move(what));
    (void)co_await writer_->write(std::move(request));
    newest_ = co_await database_->read("test_newest", [this](ReadTransaction& tx) {
      return reader_.newest(tx, room_, 0, std::numeric_limits<std::int64_t>::max(), 1).front();
    });
  }
  std::int64_t root_at(std::int64_t position) {
    play(find_root(stream::StreamPosition{position}));
    return root_;
  }
  Task<void> find_root(stream::StreamPosition upto) {
    root_ = co_await caches_->root_at(room_, std::move(upto));
  }
  Task<void> load(std::int64_t number) { (void)co_await caches_->events(std::vector<std::int64_t>{number}); }
  Task<void> apply(AppliedEvent applied) {
    caches_->apply({&applied, 1});
    co_return;
  }
  void play(Task<void> task) {
    TaskGroup group{runtime_, "test"};
    spawn(group, Background{"test"}, std::move(task), &runtime_.loop(0));
    runtime_.run_until([&group] { return group.size() == 0; });
  }
  /// Both at once: the second comes while the first waits for the database.
  void play(Task<void> first, Task<void> second) {
    TaskGroup group{runtime_, "test"};
    spawn(group, Background{"test"}, std::move(first), &runtime_.loop(0));
    spawn(group, Background{"test"}, std::move(second), &runtime_.loop(0));
    runtime_.run_until([&group] { return group.size() == 0; });
  }

  sim::VirtualRuntime runtime_{1, 1};
  TaskGroup loads_{runtime_, "loads"};
  std::string folder_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::Interner> interner_;
  OneProcess hub_;
  Keys keys_;
  EventReader reader_;
  std::unique_ptr<RoomWriter> writer_;
  std::unique_ptr<RoomCaches> caches_;
  std::optional<matrix::RoomId> room_id_;
  std::int64_t room_ = 0;
  std::int64_t root_ = 0;
  StoredEventPtr newest_;
};

TEST_F(RoomCachesTest, WhatIsReadWhileARedactionComesInIsUsedOnceAndNotKept) {
  const StoredEventPtr target = write(event("m.room.topic", "", R"({"topic":"a secret"})"));
  AppliedEvent redaction;
  redaction.stored = write(event("m.room.message", std::nullopt, R"({"body":"stands for the redaction"})"));
  redaction.redacts = target->number;
  play(load(target->number), apply(redaction));
  EXPECT_FALSE(caches_->cached_event(target->number));
  play(load(target->number));
  EXPECT_TRUE(caches_->cached_event(target->number));
}

TEST_F(RoomCachesTest, TheStateHereIsThatOfTheNewestEventHereHoweverFarTheWriterIsAhead) {
  const StoredEventPtr here = write(event("m.room.topic", "", R"({"topic":"here"})"));
  write(event("m.room.topic", "", R"({"topic":"not yet here"})"));
  const StoredEventPtr ahead = write(event("m.room.message", std::nullopt, R"({"body":"ahead"})"), 100);
  ASSERT_NE(here->state_after, ahead->state_after);
  EXPECT_EQ(root_at(here->position), here->state_after);
  EXPECT_EQ(root_at(ahead->position), ahead->state_after);
  EXPECT_EQ(root_at(0), 0);
}

}  // namespace
}  // namespace lares::events
