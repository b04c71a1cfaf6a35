// SPDX-License-Identifier: Apache-2.0
#include "unread_counts.hpp"

#include <lares_test/test_server.hpp>
#include <sqlite/options.hpp>
#include <virtual_runtime.hpp>

#include <lares/storage/migration.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <stdlib.h>

#include "schema.hpp"

namespace lares::push_rules {
namespace {

using service::Notify;
using service::NotifyingEvent;

constexpr std::int64_t kRoom = 1;
constexpr std::int64_t kReader = 2;
constexpr std::int64_t kSpeaker = 3;

/// A room whose events somebody else has in a database; all else of it is of no account here.
class OneRoom final : public service::Rooms {
 public:
  Task<std::unique_ptr<service::RoomView>> view(const http::Requester&, const matrix::RoomId&) override {
    co_return nullptr;
  }
  Task<std::unique_ptr<service::RoomView>> peek(const http::Requester&, const matrix::RoomId&) override {
    co_return nullptr;
  }
  Task<std::vector<service::Membership>> memberships(std::int64_t,
                                                     std::span<const std::string_view>) override {
    co_return std::vector<service::Membership>{};
  }
  Task<std::vector<std::int64_t>> joined_rooms(std::int64_t) override {
    co_return std::vector<std::int64_t>{kRoom};
  }
  Task<matrix::EventPtr> current_state(const matrix::RoomId&, std::string, std::string) override {
    co_return nullptr;
  }
  Task<std::optional<std::int64_t>> number(const matrix::RoomId&) override { co_return kRoom; }
  Task<std::vector<service::NotifyingEvent>> notifying_events(std::int64_t, std::int64_t, std::int64_t after,
                                                              std::int64_t upto) override {
    std::vector<service::NotifyingEvent> found = events;
    std::erase_if(found, [after, upto](const service::NotifyingEvent& event) {
      return event.position <= after || event.position > upto;
    });
    co_return found;
  }
  Task<service::StoredEventPtr> event(std::string) override { co_return nullptr; }
  Task<bool> has_transaction(std::int64_t, std::string, std::string) override { co_return false; }
  Task<std::optional<service::Membership>> membership(std::int64_t, std::int64_t) override {
    co_return service::Membership{
        .room = kRoom, .room_id = "!r:a.example", .membership = "join", .event = 1, .position = 5};
  }
  Task<std::shared_ptr<const std::vector<std::int64_t>>> joined_users(std::int64_t) override {
    co_return std::make_shared<const std::vector<std::int64_t>>();
  }

  std::vector<service::NotifyingEvent> events;
};

class Marks final : public service::Receipts {
 public:
  Task<std::shared_ptr<const service::ReadMarks>> read_marks(std::int64_t, std::int64_t) override {
    co_return std::make_shared<const service::ReadMarks>(marks);
  }
  service::ReadMarks marks;
};

class UnreadCountsTest : public ::testing::Test {
 protected:
  UnreadCountsTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "lares-unread-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    storage::sqlite::SqliteOptions options;
    options.path = folder_ + "/unread.db";
    options.without_threads = true;
    options.take_lock = false;
    database_ = storage::sqlite::open_sqlite(options, runtime_);
    play(migrate());
    server_.services().provide<service::Receipts>(receipts_);
    notes_ = std::make_unique<RecentNotes>(loads_, "a.example");
    notes_->begins_at(0);
    counts_ = std::make_unique<UnreadCounts>(loads_, server_, *database_, rooms_, *notes_);
  }
  ~UnreadCountsTest() override {
    counts_.reset();
    notes_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  Task<void> migrate() {
    const std::vector<storage::Schema> schemas{push_rules_schema()};
    co_await storage::migrate(*database_, schemas, 0);
  }
  void play(Task<void> task) {
    TaskGroup group{runtime_, "test"};
    spawn(group, Background{"test"}, std::move(task), &runtime_.loop(0));
    runtime_.run_until([&group] { return group.size() == 0; });
  }
  Task<void> count_into(stream::StreamPosition upto, Unread& result) {
    result = co_await counts_->count(kReader, kRoom, std::move(upto));
  }

  void message(std::int64_t position, std::int64_t thread = 0) {
    notes_->add(kRoom, {.position = position,
                        .sender = kSpeaker,
                        .thread = thread,
                        .notify = Notify::kNotify,
                        .others = {},
                        .event = position});
  }
  void redaction(std::int64_t position, std::int64_t of) {
    notes_->add(kRoom, {.position = position,
                        .sender = kSpeaker,
                        .thread = 0,
                        .notify = Notify::kNothing,
                        .others = {},
                        .event = position,
                        .redacts = of,
                        .redacts_position = of});
  }
  Unread at(stream::StreamPosition upto) {
    Unread result;
    play(count_into(std::move(upto), result));
    return result;
  }
  std::int64_t main_at(stream::StreamPosition upto) { return at(std::move(upto)).main.notifications; }
  std::int64_t main_at(std::int64_t upto) { return main_at(stream::StreamPosition{upto}); }
  std::int64_t in_threads_at(std::int64_t upto) {
    std::int64_t sum = 0;
    for (const auto& [root, count] : at(stream::StreamPosition{upto}).threads) {
      sum += count.notifications;
    }
    return sum;
  }

  sim::VirtualRuntime runtime_{1, 1};
  TaskGroup loads_{runtime_, "loads"};
  testing::TestServer server_{runtime_, "master", std::make_shared<testing::MapConfig>()};
  std::string folder_;
  std::unique_ptr<storage::Database> database_;
  OneRoom rooms_;
  Marks receipts_;
  std::unique_ptr<RecentNotes> notes_;
  std::unique_ptr<UnreadCounts> counts_;
};

TEST_F(UnreadCountsTest, ARedactionThatIsNotComeToYetTakesNothingBackTwice) {
  message(10);
  message(11);
  redaction(12, 10);
  EXPECT_EQ(main_at(11), 2);
  EXPECT_EQ(main_at(12), 1);
  EXPECT_EQ(main_at(13), 1);
}

TEST_F(UnreadCountsTest, WhatIsRedactedTwiceIsTakenBackOnce) {
  message(10);
  message(11);
  EXPECT_EQ(main_at(11), 2);
  redaction(12, 10);
  redaction(13, 10);
  EXPECT_EQ(main_at(12), 1);
  EXPECT_EQ(main_at(13), 1);
  redaction(14, 11);
  redaction(15, 11);
  EXPECT_EQ(main_at(15), 0);
}

TEST_F(UnreadCountsTest, AReceiptThatComesBetweenAMessageAndItsRedactionDoesNotEither) {
  message(10);
  message(11);
  EXPECT_EQ(main_at(11), 2);
  redaction(12, 11);
  receipts_.marks.main = 10;
  EXPECT_EQ(main_at(12), 0);
  receipts_.marks.main = 9;  // whoever reads again sees the same
  EXPECT_EQ(main_at(12), 1);
}

TEST_F(UnreadCountsTest, WhatTheDatabaseCountedIsTakenBackOutOfMemoryOnce) {
  notes_->begins_at(9);
  message(10);
  redaction(12, 10);
  rooms_.events = {{.number = 10, .position = 10, .notify = Notify::kNotify}};
  EXPECT_EQ(main_at(11), 1);
  EXPECT_EQ(main_at(12), 0);
}

TEST_F(UnreadCountsTest, WhatASlowerWriterPutsBeneathAFasterOneCountsOnceAndSoDoesTheFasterOnes) {
  notes_->begins_at(-1);  // others write, too
  const auto ahead = [](std::int64_t minimum) { return stream::StreamPosition{minimum, {{2, 20}}}; };
  const NotifyingEvent slower{.number = 11, .position = 11, .notify = Notify::kNotify};
  const NotifyingEvent faster{.number = 12, .position = 12, .notify = Notify::kNotify};
  rooms_.events = {faster};
  EXPECT_EQ(main_at(ahead(10)), 1);
  rooms_.events = {slower, faster};
  EXPECT_EQ(main_at(ahead(11)), 2);
  EXPECT_EQ(main_at(ahead(11)), 2);
  EXPECT_EQ(main_at(20), 2);
}

TEST_F(UnreadCountsTest, InThreadsARedactionHoldsAtOnce) {
  message(10, 7);
  message(11, 7);
  redaction(12, 10);
  EXPECT_EQ(in_threads_at(11), 1);
  EXPECT_EQ(in_threads_at(12), 1);
}

}  // namespace
}  // namespace lares::push_rules
