// SPDX-License-Identifier: Apache-2.0
// The store of rooms on both engines: the persister itself, with real transactions, and every kind of event.
#include <cutting_proxy.hpp>
#include <postgres/options.hpp>
#include <storage_test.hpp>

#include <lares/async/when_all.hpp>
#include <lares/http/matrix_error.hpp>
#include <lares/storage/purge.hpp>
#include <lares/storage/transaction.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "partial_state.hpp"
#include "received_events.hpp"
#include "redacted_bytes.hpp"
#include "room_writer.hpp"
#include "state_collector.hpp"
#include "store_fakes.hpp"

namespace lares::events {
namespace {

using service::NewEvent;
using service::StoredEventPtr;
using service::WriteRequest;
using service::WriteResult;
using storage::Bytes;
using storage::Database;
using storage::Engine;
using storage::ReadTransaction;
using storage::Row;
using storage::Statement;
using storage::WriteTransaction;

constexpr std::string_view kAlice = "@alice:a.example";
/// From here on numbers stand for nothing that there is.
constexpr std::int64_t kMadeUp = 1'000'000'000;
constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

NewEvent message(std::string_view body) {
  return {.type = "m.room.message",
          .state_key = {},
          .sender = *matrix::UserId::parse(kAlice),
          .content = fmt::format(R"({{"msgtype":"m.text","body":"{}"}})", body),
          .redacts = {},
          .origin_server_ts = 0};
}

NewEvent state(std::string type, std::string state_key, std::string content) {
  return {.type = std::move(type),
          .state_key = std::move(state_key),
          .sender = *matrix::UserId::parse(kAlice),
          .content = std::move(content),
          .redacts = {},
          .origin_server_ts = 0};
}

NewEvent redaction_of(const matrix::EventId& target) {
  NewEvent event = message("");
  event.type = "m.room.redaction";
  event.content = "{}";
  event.redacts = target.str();
  return event;
}

WriteRequest request(std::optional<matrix::RoomId> room, NewEvent event) {
  WriteRequest result;
  result.room = std::move(room);
  result.events.push_back(std::move(event));
  return result;
}

/// The writer of rooms, over a database.
struct Store {
  Store(Runtime& with, Database& db, WriterLimits limits = {})
      : runtime(with),
        database(db),
        interner(db, with, {.server_name = "test"}),
        writer(
            with, db, interner, hub, keys, reader, {&observer},
            [](std::span<const std::shared_ptr<service::StoredEvent>>, std::span<const PreparedWritePtr>) {},
            [](std::string_view) { return true; }, limits) {}
  ~Store() { run_blocking(runtime, "test", writer.stop()); }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  static void migrate(Runtime& runtime, Database& database) {
    const std::vector<storage::Schema> schemas{events_schema()};
    run_blocking(runtime, "test", storage::migrate(database, schemas, 1));
  }

  WriteResult write(WriteRequest what) {
    return run_blocking(runtime, "test", writer.write(std::move(what)));
  }

  matrix::RoomId make_room() {
    WriteRequest create = request(std::nullopt, state("m.room.create", "", R"({"room_version":"11"})"));
    create.room_version = "11";
    create.events.push_back(state("m.room.member", std::string{kAlice}, R"({"membership":"join"})"));
    create.events.push_back(state("m.room.power_levels", "", R"({"users":{"@alice:a.example":100}})"));
    create.events.push_back(state("m.room.join_rules", "", R"({"join_rule":"public"})"));
    return write(std::move(create)).room;
  }

  /// What became of each write: 200, or the status of its error.
  std::vector<int> write_all(std::vector<WriteRequest> requests) {
    std::vector<Task<int>> tasks;
    for (WriteRequest& one : requests) {
      tasks.push_back(attempt(*this, std::move(one)));
    }
    return run_blocking(runtime, "test", when_all(std::move(tasks)));
  }
  static Task<int> attempt(Store& store, WriteRequest what) {
    try {
      (void)co_await store.writer.write(std::move(what));
      co_return 200;
    } catch (const http::MatrixError& error) {
      EXPECT_TRUE(error.status() != 429 || error.errcode() == "M_LIMIT_EXCEEDED");
      co_return error.status();
    } catch (const std::runtime_error&) {
      co_return 500;
    }
  }

  int write_as(std::string_view user, const matrix::RoomId& room, NewEvent event) {
    event.sender = *matrix::UserId::parse(user);
    return write_all({request(room, std::move(event))}).front();
  }

  template <class Function>
  auto read(Function function) {
    return run_blocking(runtime, "test", database.read("test_read", function));
  }
  template <class Function>
  auto change(Function function) {
    return run_blocking(runtime, "test", database.write("test_write", function));
  }
  std::int64_t number(const matrix::RoomId& room) {
    return *run_blocking(runtime, "test", interner.lookup_room(room.view()));
  }
  StoredEventPtr event(const matrix::EventId& id) {
    return read([&](ReadTransaction& tx) { return reader.by_id(tx, id.view()); });
  }
  std::vector<StoredEventPtr> newest(std::int64_t room) {
    return read([&](ReadTransaction& tx) { return reader.newest(tx, room, 0, kForEver, 1000); });
  }
  std::int64_t rows(std::string table) {
    return read([&](ReadTransaction& tx) {
      return tx.one(Statement::generated("SELECT COUNT(*) FROM " + table),
                    [](const Row& row) { return row.i64(0); });
    });
  }
  /// The room's events of a type are a chain: each builds on the one before it.
  void expect_no_fork(std::int64_t room) {
    std::vector<StoredEventPtr> events = newest(room);
    std::ranges::reverse(events);
    for (std::size_t i = 1; i < events.size(); ++i) {
      const auto prev = events[i]->event->prev_events();
      ASSERT_EQ(prev.size(), 1U);
      EXPECT_EQ(*prev.begin(), events[i - 1]->event->event_id());
    }
  }

  Runtime& runtime;
  Database& database;
  storage::Interner interner;
  OneProcess hub;
  Keys keys;
  EventReader reader;
  Observer observer;
  RoomWriter writer;
};

class EventStore : public storage::test::StorageTest {
 protected:
  EventStore() {
    Store::migrate(runtime_, *database_);
    store_ = std::make_unique<Store>(runtime_, *database_);
  }
  ~EventStore() override { store_.reset(); }

  std::unique_ptr<Store> store_;
};
INSTANTIATE_TEST_SUITE_P(Engines, EventStore, testing::ValuesIn(storage::test::engine_cases()),
                         storage::test::case_name);

TEST_P(EventStore, ABatchAsksTheDatabaseTheSameNumberOfTimesHoweverManyEventsItHas) {
  std::vector<matrix::RoomId> rooms;
  for (int i = 0; i < 20; ++i) {
    rooms.push_back(store_->make_room());
  }
  store_->observer.batches.clear();
  store_->write(request(rooms[0], message("alone")));
  const std::uint32_t alone = store_->observer.batches.back().calls;
  std::vector<WriteRequest> many;
  for (int round = 0; round < 5; ++round) {
    for (const matrix::RoomId& room : rooms) {
      many.push_back(request(room, message("many")));
    }
  }
  const std::vector<int> answers = store_->write_all(std::move(many));
  EXPECT_EQ(std::ranges::count(answers, 200), 100);
  std::size_t largest = 0;
  for (const Observer::Batch& batch : store_->observer.batches) {
    EXPECT_EQ(batch.calls, alone) << "of a batch of " << batch.events;
    largest = std::max(largest, batch.events);
  }
  EXPECT_GT(largest, 20U);
  // The writer's row, positions, events, heads.
  EXPECT_EQ(alone, 4U);
}

TEST_P(EventStore, OfManyWritesTheBadOneFailsAloneAndIsFoundInFewSteps) {
  std::vector<matrix::RoomId> rooms;
  for (int i = 0; i < 8; ++i) {
    rooms.push_back(store_->make_room());
  }
  store_->observer.batches.clear();
  std::vector<WriteRequest> many;
  for (int round = 0; round < 20; ++round) {
    for (const matrix::RoomId& room : rooms) {
      many.push_back(request(room, message(many.size() == 77 ? "bad" : "good")));
    }
  }
  const std::vector<int> answers = store_->write_all(std::move(many));
  EXPECT_EQ(std::ranges::count(answers, 200), 159);
  EXPECT_EQ(answers[77], 500);
  // One by one it would be 160; a rehearsal counts twice.
  EXPECT_LT(store_->observer.batches.size(), GetParam().twice ? 100U : 50U);
  for (const matrix::RoomId& room : rooms) {
    store_->expect_no_fork(store_->number(room));
    EXPECT_EQ(store_->newest(store_->number(room)).size(), room == rooms[77 % 8] ? 23U : 24U);
  }
}

TEST_P(EventStore, WhatAStrangerAsksForGetsNoNumber) {
  const matrix::RoomId room = store_->make_room();
  // The sender is a user of ours, who has a number since the account was made.
  run_blocking(runtime_, "test", store_->interner.intern_user("@bob:a.example"));
  const std::int64_t users = store_->rows("users");
  const std::int64_t keys = store_->rows("state_keys");
  EXPECT_EQ(store_->write_as("@bob:a.example", room,
                             state("m.room.member", "@nobody:b.example", R"({"membership":"invite"})")),
            403);
  EXPECT_EQ(store_->write_as("@bob:a.example", room, state("x.unheard.of", "of", "{}")), 403);
  EXPECT_EQ(store_->rows("users"), users);
  EXPECT_EQ(store_->rows("state_keys"), keys);
  EXPECT_EQ(store_->write_as(kAlice, room,
                             state("m.room.member", "@nobody:b.example", R"({"membership":"invite"})")),
            200);
  EXPECT_EQ(store_->rows("users"), users + 1);
  EXPECT_EQ(store_->rows("state_keys"), keys + 1);
}

TEST_P(EventStore, WhatIsWrittenOfThoseAloneWhoAreJoinedBringsNobodyBack) {
  const matrix::RoomId room = store_->make_room();
  const auto member = [&](std::string content) {
    WriteRequest what = request(room, state("m.room.member", "@bob:a.example", std::move(content)));
    what.events.front().sender = *matrix::UserId::parse("@bob:a.example");
    return what;
  };
  const auto renamed = [&] {
    WriteRequest what = member(R"({"membership":"join","displayname":"Bob"})");
    what.only_while_joined = true;
    return store_->write_all({std::move(what)}).front();
  };
  EXPECT_EQ(renamed(), 403);
  store_->write(member(R"({"membership":"join"})"));
  EXPECT_EQ(renamed(), 200);
  store_->write(member(R"({"membership":"leave"})"));
  EXPECT_EQ(renamed(), 403);
  EXPECT_EQ(store_->newest(store_->number(room)).front()->event->content()["membership"].to_string(),
            "leave");
}

TEST_P(EventStore, AWriterThatAnotherHasReplacedDeniesNothingAndSaysOfNothingThatItIsSoAlready) {
  const matrix::RoomId room = store_->make_room();
  for (const bool replaced : {false, true}) {
    store_->hub.replaced = replaced;
    EXPECT_EQ(store_->write_as("@bob:a.example", room, message("let me in")), replaced ? 503 : 403);
    EXPECT_EQ(store_->write_as(kAlice, room, state("m.room.join_rules", "", R"({"join_rule":"public"})")),
              replaced ? 503 : 200);
  }
}

TEST_P(EventStore, WhatWaitsForARoomIsBoundedInBytes) {
  store_ = std::make_unique<Store>(runtime_, *database_, WriterLimits{.room_queue_bytes = 20'000});
  const matrix::RoomId room = store_->make_room();
  std::vector<WriteRequest> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(request(room, message(std::string(1'000, 'x'))));
  }
  const std::vector<int> answers = store_->write_all(std::move(many));
  const auto written = std::ranges::count(answers, 200);
  EXPECT_EQ(written + std::ranges::count(answers, 429), 100);
  EXPECT_GE(written, 10);
  EXPECT_LE(written, 99);
  store_->expect_no_fork(store_->number(room));
  // Once the queue is empty the room takes events again.
  EXPECT_NO_THROW(store_->write(request(room, message("later"))));
}

TEST_P(EventStore, RoomsInMemoryAreBoundedInNumberAndBytesAndComeBackWhenTheyAreWrittenTo) {
  for (const WriterLimits limits : {WriterLimits{.rooms = 3}, WriterLimits{.bytes = 1}}) {
    store_ = std::make_unique<Store>(runtime_, *database_, limits);
    std::vector<matrix::RoomId> rooms;
    for (int i = 0; i < 8; ++i) {
      rooms.push_back(store_->make_room());
      EXPECT_LE(store_->writer.rooms_in_memory(), limits.rooms);
    }
    for (const matrix::RoomId& room : rooms) {
      store_->write(request(room, message("again")));
      EXPECT_LE(store_->writer.rooms_in_memory(), limits.bytes == 1 ? 1U : limits.rooms);
      store_->expect_no_fork(store_->number(room));
    }
  }
}

TEST_P(EventStore, ARedactionHoldsAtOnceAndItsTargetsBytesAreRewrittenOnceTheTimeIsOver) {
  const matrix::RoomId room = store_->make_room();
  const matrix::EventId secret = store_->write(request(room, message("a secret"))).events.front();
  const std::int64_t before = runtime_.now_ms();
  const matrix::EventId by = store_->write(request(room, redaction_of(secret))).events.front();
  const auto bytes = [&] {
    static constexpr Statement kBody{"SELECT body FROM events WHERE event_id = $1"};
    return store_->read([&](ReadTransaction& tx) {
      return tx.one(kBody, Bytes{secret.view()}, [](const Row& row) { return row.bytes_copy(0); });
    });
  };
  const auto expect_redacted = [&] {
    const StoredEventPtr found = store_->event(secret);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->event->event_id(), secret.view());
    EXPECT_FALSE(found->event->content()["body"].to_string());
    ASSERT_TRUE(found->redacted_because);
    EXPECT_EQ(found->redacted_because->event_id(), by.view());
  };
  expect_redacted();
  EXPECT_NE(bytes().find("a secret"), std::string::npos);
  const auto rewrite = [&](std::int64_t upto) {
    return run_blocking(runtime_, "test", rewrite_redacted_bytes(*database_, store_->reader, upto));
  };
  EXPECT_EQ(rewrite(before - 1), 0U);
  EXPECT_NE(bytes().find("a secret"), std::string::npos);
  EXPECT_EQ(rewrite(runtime_.now_ms()), 1U);
  EXPECT_EQ(bytes().find("a secret"), std::string::npos);
  expect_redacted();
  EXPECT_EQ(rewrite(runtime_.now_ms()), 0U);
  EXPECT_EQ(store_->rows("redacted_events"), 0);
}

TEST_P(EventStore, WhatCountsSaysWhatIsRedactedAndByWhichEventOfWhomever) {
  const matrix::RoomId room = store_->make_room();
  const matrix::EventId target = store_->write(request(room, message("counts"))).events.front();
  const matrix::EventId by = store_->write(request(room, redaction_of(target))).events.front();
  const StoredEventPtr redacted = store_->event(target);
  const StoredEventPtr redacting = store_->event(by);
  ASSERT_TRUE(redacted && redacting);
  const auto counted_for = [&](std::int64_t reader) {
    return store_->read([&](ReadTransaction& tx) {
      return store_->reader.notifying(tx, redacted->room, reader, 0, redacting->position);
    });
  };
  // The sender of both is still told that something was taken back.
  const std::vector<service::NotifyingEvent> others = counted_for(redacted->sender + 1000);
  ASSERT_EQ(others.size(), 2U);
  EXPECT_EQ(others[0].number, redacted->number);
  EXPECT_TRUE(others[0].redacted);
  EXPECT_EQ(others[0].notify, service::Notify::kNothing);
  EXPECT_EQ(others[1].number, redacting->number);
  EXPECT_TRUE(others[1].redacts);
  const std::vector<service::NotifyingEvent> own = counted_for(redacted->sender);
  ASSERT_EQ(own.size(), 1U);
  EXPECT_TRUE(own[0].redacts);
  EXPECT_EQ(own[0].notify, service::Notify::kNothing);
  // As of a place before the redaction it counts: what was counted there is taken back when that comes.
  const std::vector<service::NotifyingEvent> before = store_->read([&](ReadTransaction& tx) {
    return store_->reader.notifying(tx, redacted->room, redacted->sender + 1000, 0, redacting->position - 1);
  });
  ASSERT_EQ(before.size(), 1U);
  EXPECT_FALSE(before[0].redacted);
  // Another redaction of it, and two at once of another event: the first holds.
  const matrix::EventId second = store_->write(request(room, message("two"))).events.front();
  store_->write(request(room, redaction_of(target)));
  EXPECT_EQ(store_->event(target)->redacted_because->event_id(), by.view());
  EXPECT_EQ(store_->write_all({request(room, redaction_of(second)), request(room, redaction_of(second))}),
            (std::vector{200, 200}));
  const std::vector<StoredEventPtr> newest = store_->newest(redacted->room);
  EXPECT_EQ(store_->event(second)->redacted_because->event_id(), newest[1]->event->event_id());
  EXPECT_TRUE(counted_for(redacted->sender + 1000)[0].redacted);
}

TEST_P(EventStore, TheNewestEventThatAPlaceCoversIsNotOneThatASlowerWriterPutOnTop) {
  const matrix::RoomId room = store_->make_room();
  const std::int64_t number = store_->number(room);
  const std::int64_t before = store_->newest(number).front()->position;
  const StoredEventPtr late = store_->event(store_->write(request(room, message("late"))).events.front());
  const std::int64_t beyond = late->position + 5;
  const auto covered = [&](std::vector<stream::StreamPosition::Ahead> ahead, std::int64_t minimum) {
    const stream::StreamPosition at{minimum, std::move(ahead)};
    return store_->read(
        [&](ReadTransaction& tx) { return store_->reader.newest_covered(tx, number, at)->position; });
  };
  EXPECT_EQ(covered({{late->writer + 1, beyond}}, before), before);
  EXPECT_EQ(covered({{late->writer + 1, beyond}}, before - 1), before - 1);
  EXPECT_EQ(covered({{late->writer + 1, beyond}, {late->writer, late->position}}, before), late->position);
  EXPECT_EQ(covered({}, late->position), late->position);
}

/// Events as another server could have made them.
class ReceivedEvents : public EventStore {
 protected:
  ReceivedEvents() : room_id_(store_->make_room()), room_(store_->number(room_id_)) {
    loads_ = std::make_unique<TaskGroup>(runtime_, "test");
    caches_ =
        std::make_unique<RoomCaches>(*loads_, *database_, store_->interner, store_->reader, "test", false);
    partial_ = std::make_unique<PartialState>(*loads_, "test", *database_, store_->interner, invalidations_,
                                              *caches_);
    persister_ = std::make_unique<Persister>(
        *database_, store_->hub, runtime_, std::vector<service::EventSink*>{},
        [](std::span<const std::shared_ptr<service::StoredEvent>>, std::span<const PreparedWritePtr>) {},
        [](PreparedWritePtr) -> Task<void> { co_return; },
        [](PreparedWritePtr, std::exception_ptr) -> Task<void> { co_return; });
  }
  ~ReceivedEvents() override {
    run_blocking(runtime_, "test", loads_->stop());
    partial_.reset();
    caches_.reset();
  }

  /// The room's head with its whole state, as its writer could have it.
  std::unique_ptr<RoomHead> open_head() {
    std::vector<std::int64_t> keys;
    std::unique_ptr<RoomHead> head;
    std::vector<StateEntry> entries;
    store_->read([&](ReadTransaction& tx) {
      keys.clear();
      entries.clear();
      head = store_->reader.head(tx, room_, room_id_);
      StateBlocks blocks{tx, room_};
      state_or_throw(head->state().load_all(blocks), room_);
      std::vector<std::int64_t> numbers;
      state_or_throw(head->state().for_each([&](std::uint64_t key, std::uint64_t event) {
        keys.push_back(static_cast<std::int64_t>(key));
        numbers.push_back(static_cast<std::int64_t>(event));
        return true;
      }),
                     room_);
      for (const StoredEventPtr& event : store_->reader.by_number(tx, numbers)) {
        // Members that a test has made up have no event.
        entries.push_back(event ? StateEntry{event->event, event->number} : StateEntry{});
      }
    });
    std::erase_if(keys, [](std::int64_t key) { return key >= kMadeUp; });
    std::erase_if(entries, [](const StateEntry& entry) { return !entry.event; });
    const auto texts =
        run_blocking(runtime_, "test", store_->interner.texts(storage::InternKind::StateKey, keys));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      head->learn(texts[i].first, texts[i].second, entries[i]);
    }
    for (const char* type : {"m.room.third_party_invite", "m.room.topic"}) {
      head->learn(type, "", {});
    }
    return head;
  }

  matrix::EventPtr build(const NewEvent& event, std::vector<std::string> prev_events, std::int64_t depth) {
    matrix::EventDraft draft;
    draft.type = event.type;
    draft.state_key = event.state_key;
    draft.sender = event.sender.str();
    draft.room_id = room_id_.str();
    draft.content = event.content;
    draft.origin_server_ts = ++clock_;
    draft.depth = depth;
    for (const std::string& prev : prev_events) {
      draft.prev_events.emplace_back(prev);
    }
    const auto head = open_head();
    for (const matrix::StateKey& key : matrix::auth_events_for(matrix::AuthSubject{draft}, head->version())) {
      const StateEntry* const entry = head->find(key.type, key.state_key);
      if (entry != nullptr && entry->event) {
        draft.auth_events.emplace_back(*entry->event);
      }
    }
    return *matrix::build_event(draft, head->version(), store_->keys.server_name(),
                                store_->keys.signing_key());
  }
  Interned numbers(const NewEvent& event) {
    Interned result;
    result.event = run_blocking(runtime_, "test", store_->interner.take_event_numbers(1)).front();
    result.sender = run_blocking(runtime_, "test", store_->interner.intern_user(kAlice));
    if (event.state_key) {
      result.state_key =
          run_blocking(runtime_, "test", store_->interner.intern_state_key(event.type, *event.state_key));
    }
    return result;
  }
  /// An event without a place: as an outlier, or to be given one.
  PreparedEvent prepared(matrix::EventPtr event, const Interned& with) {
    PreparedEvent result;
    result.received = true;
    result.stored = std::make_shared<service::StoredEvent>();
    result.stored->event = std::move(event);
    result.stored->number = with.event;
    result.stored->room = room_;
    result.stored->sender = with.sender;
    result.stored->depth = result.stored->event->depth();
    return result;
  }
  void commit(RoomHead& head, PreparedEvent event) {
    auto write = std::make_shared<PreparedWrite>(WriteRequest{}, room_id_);
    write->room = room_;
    write->version = head.version().id;
    write->events.push_back(std::move(event));
    write->blocks = head.take_new_blocks();
    write->head = head.row();
    run_blocking(runtime_, "test", persister_->commit({write}));
  }
  [[nodiscard]] std::vector<Hole> holes() {
    return store_->read([&](ReadTransaction& tx) { return read_holes(tx, room_, matrix::kMaxDepth, 10); });
  }
  [[nodiscard]] std::set<std::string> newest_ids() {
    std::set<std::string> ids;
    for (const StoredEventPtr& event : store_->newest(room_)) {
      ids.emplace(event->event->event_id());
    }
    return ids;
  }
  [[nodiscard]] std::optional<std::int64_t> position_of(const matrix::EventPtr& event) {
    static constexpr Statement kPosition{"SELECT position FROM events WHERE event_id = $1"};
    return store_->read([&](ReadTransaction& tx) {
      return tx.one(kPosition, Bytes{event->event_id()}, [](const Row& row) { return row.maybe_i64(0); });
    });
  }
  std::map<std::uint64_t, std::uint64_t> entries_of(std::int64_t root) {
    return store_->read([&](ReadTransaction& tx) {
      std::map<std::uint64_t, std::uint64_t> result;
      StateBlocks blocks{tx, room_};
      state_or_throw(matrix::StateMap::open(static_cast<matrix::NodeId>(root))
                         .for_each(
                             [&](std::uint64_t key, std::uint64_t value) {
                               result.emplace(key, value);
                               return true;
                             },
                             &blocks),
                     room_);
      return result;
    });
  }

  matrix::RoomId room_id_;
  std::int64_t room_;
  std::int64_t clock_ = 1'700'000'000'000;
  CacheInvalidations invalidations_;
  std::unique_ptr<TaskGroup> loads_;
  std::unique_ptr<RoomCaches> caches_;
  std::unique_ptr<PartialState> partial_;
  std::unique_ptr<Persister> persister_;
};
INSTANTIATE_TEST_SUITE_P(Engines, ReceivedEvents, testing::ValuesIn(storage::test::engine_cases()),
                         storage::test::case_name);

TEST_P(ReceivedEvents, WhatIsAppliedAfterNewerEventsTakesNothingBack) {
  const std::int64_t alice = run_blocking(runtime_, "test", store_->interner.intern_user(kAlice));
  const auto membership = [&] {
    return run_blocking(runtime_, "test", caches_->rooms_of(alice))->front().membership;
  };
  const auto members = [&] {
    return run_blocking(runtime_, "test", caches_->members_of(room_))->joined.size();
  };
  ASSERT_EQ(membership(), MembershipCode::kJoin);
  ASSERT_EQ(members(), 1U);
  NewEvent left = message("");
  left.type = "m.room.member";
  left.state_key = std::string{kAlice};
  left.content = R"({"membership":"leave"})";
  const std::string last{store_->newest(room_).front()->event->event_id()};
  const PreparedEvent old = prepared(build(left, {last}, 5), numbers(left));
  old.stored->position = 1;
  AppliedEvent applied{.stored = old.stored, .member = alice};
  for (const bool late : {true, false}) {
    applied.late = late;
    caches_->apply({&applied, 1});
    EXPECT_EQ(membership(), MembershipCode::kJoin);
    EXPECT_EQ(members(), 1U);
  }
  old.stored->position = kMadeUp;
  caches_->apply({&applied, 1});
  EXPECT_EQ(membership(), MembershipCode::kLeave);
  EXPECT_EQ(members(), 0U);
}

TEST_P(ReceivedEvents, ATimelineInMemoryHasNoHoleWhereAFormerWritersEventHasYetToCome) {
  const auto head = [&] { return run_blocking(runtime_, "test", caches_->timeline(room_))->event->number; };
  const StoredEventPtr last = store_->newest(room_).front();
  ASSERT_EQ(head(), last->number);
  const PreparedEvent first =
      prepared(build(message("one"), {std::string{last->event->event_id()}}, 5), numbers(message("")));
  const PreparedEvent second = prepared(
      build(message("two"), {std::string{first.stored->event->event_id()}}, 6), numbers(message("")));
  first.stored->position = last->position + 1;
  second.stored->position = last->position + 2;
  const auto apply = [&](const PreparedEvent& event) {
    const AppliedEvent applied{.stored = event.stored};
    caches_->apply({&applied, 1});
    return head();
  };
  // The database has none of the two.
  EXPECT_EQ(apply(second), last->number);
  EXPECT_EQ(apply(first), first.stored->number);
  EXPECT_EQ(apply(second), second.stored->number);
  EXPECT_EQ(apply(first), last->number);
}

TEST_P(ReceivedEvents, AnOutlierHasNoStreamIdUntilItStopsBeingOne) {
  const std::string last{store_->newest(room_).front()->event->event_id()};
  const matrix::EventPtr event = build(message("from elsewhere"), {last}, 5);
  const PreparedEvent outlier = prepared(event, numbers(message("")));
  for (int twice = 0; twice < 2; ++twice) {
    store_->change([&](WriteTransaction& tx) { insert_outliers(tx, {&outlier, 1}); });
  }
  EXPECT_EQ(position_of(event), std::nullopt);
  EXPECT_FALSE(newest_ids().contains(std::string{event->event_id()}));
  const StoredEventPtr known =
      store_->read([&](ReadTransaction& tx) { return store_->reader.by_id(tx, event->event_id()); });
  ASSERT_TRUE(known);
  EXPECT_EQ(known->position, 0);

  const auto head = open_head();
  Interned same{.event = known->number, .sender = known->sender};
  PreparedEvent placed = head->append_built(event, same, nullptr);
  placed.received = placed.placed = true;
  commit(*head, std::move(placed));
  EXPECT_GT(position_of(event).value_or(0), 0);
  EXPECT_EQ(store_->newest(room_).front()->event->event_id(), event->event_id());
  EXPECT_EQ(store_->newest(room_).front()->number, known->number);
  EXPECT_TRUE(holes().empty());
  // The room goes on behind it.
  Store other{runtime_, *database_};
  other.write(request(room_id_, message("an answer")));
  other.expect_no_fork(room_);
}

TEST_P(ReceivedEvents, ABackfilledEventHasANegativeStreamIdAndIsNewsToNobody) {
  const std::size_t before = store_->newest(room_).size();
  const std::int64_t end = store_->newest(room_).front()->position;
  std::vector<PreparedEvent> old;
  std::string prev = "$missing1";
  for (std::int64_t depth = 1; depth <= 3; ++depth) {
    old.push_back(prepared(build(message("long ago"), {prev}, depth), numbers(message(""))));
    prev = old.back().stored->event->event_id();
  }
  store_->change([&](WriteTransaction& tx) { insert_backfilled(tx, 1, old); });
  EXPECT_EQ(store_->newest(room_).size(), before);
  const auto written =
      store_->read([&](ReadTransaction& tx) { return store_->reader.written(tx, 1, 0, kForEver, 100); });
  EXPECT_TRUE(std::ranges::none_of(written, [](const StoredEventPtr& one) { return one->position < 0; }));
  std::vector<std::int64_t> positions;
  for (const PreparedEvent& one : old) {
    positions.push_back(position_of(one.stored->event).value_or(0));
  }
  EXPECT_TRUE(std::ranges::is_sorted(positions));
  EXPECT_LT(positions.back(), 0);
  // Who reads back meets them, among the events of their depth the older first.
  const auto history = store_->read(
      [&](ReadTransaction& tx) { return store_->reader.history(tx, room_, 3, 0, true, end, 100); });
  std::vector<std::string> ids;
  for (const StoredEventPtr& event : history) {
    if (event->position < 0) {
      ids.emplace_back(event->event->event_id());
    }
  }
  std::vector<std::string> wanted;
  for (const PreparedEvent& one : old) {
    wanted.insert(wanted.begin(), std::string{one.stored->event->event_id()});
  }
  EXPECT_EQ(ids, wanted);

  // Where they begin, history goes on and is not here, until it is.
  ASSERT_EQ(holes().size(), 1U);
  EXPECT_EQ(holes().front().missing, "$missing1");
  EXPECT_EQ(holes().front().event, old.front().stored->number);
  EXPECT_EQ(holes().front().depth, 1);
}

TEST_P(ReceivedEvents, AHoleIsFilledByTheEventThatWasMissing) {
  const matrix::EventPtr missing = build(message("missing"), {"$before"}, 2);
  const PreparedEvent after =
      prepared(build(message("after"), {std::string{missing->event_id()}}, 3), numbers(message("")));
  store_->change([&](WriteTransaction& tx) { insert_backfilled(tx, 1, {&after, 1}); });
  ASSERT_EQ(holes().size(), 1U);
  EXPECT_EQ(holes().front().missing, missing->event_id());
  // That somebody refers to it fills nothing.
  const PreparedEvent outlier = prepared(missing, numbers(message("")));
  store_->change([&](WriteTransaction& tx) { insert_outliers(tx, {&outlier, 1}); });
  EXPECT_EQ(holes().size(), 1U);
  static constexpr Statement kDelete{"DELETE FROM events WHERE event = $1"};
  store_->change([&](WriteTransaction& tx) {
    tx.exec(kDelete, outlier.stored->number);
    insert_backfilled(tx, 1, {&outlier, 1});
  });
  ASSERT_EQ(holes().size(), 1U);
  EXPECT_EQ(holes().front().missing, "$before");
}

TEST_P(ReceivedEvents, WhatWasNotAcceptedHasItsPlaceAndAStateAndIsNotBuiltUpon) {
  const std::string last{store_->newest(room_).front()->event->event_id()};
  const auto extremities = [&] {
    return store_->read(
        [&](ReadTransaction& tx) { return store_->reader.head(tx, room_, room_id_)->row().extremities; });
  };
  const std::string ends = extremities();
  for (const Verdict verdict : {Verdict::kSoftFailed, Verdict::kRejected}) {
    const NewEvent topic = state("m.room.topic", "", R"({"topic":"mine"})");
    const matrix::EventPtr event = build(topic, {last}, 5);
    const auto head = open_head();
    const std::int64_t current = head->row().state;
    PreparedEvent aside = head->append_aside(event, numbers(topic), head->state(), verdict);
    commit(*head, std::move(aside));

    EXPECT_EQ(extremities(), ends);
    EXPECT_EQ(open_head()->row().state, current);
    EXPECT_FALSE(newest_ids().contains(std::string{event->event_id()}));
    const StoredEventPtr stored =
        store_->read([&](ReadTransaction& tx) { return store_->reader.by_id(tx, event->event_id()); });
    ASSERT_TRUE(stored);
    EXPECT_GT(stored->position, 0);
    EXPECT_EQ(stored->soft_failed, verdict == Verdict::kSoftFailed);
    EXPECT_EQ(stored->rejected, verdict == Verdict::kRejected);
    EXPECT_EQ(stored->state_before, current);
    const auto before = entries_of(stored->state_before);
    const auto after = entries_of(stored->state_after);
    EXPECT_EQ(after.size(), before.size() + (verdict == Verdict::kSoftFailed ? 1 : 0));
  }
  // The next event builds on what was there before.
  Store other{runtime_, *database_};
  const matrix::EventId next = other.write(request(room_id_, message("next"))).events.front();
  EXPECT_EQ(*other.event(next)->event->prev_events().begin(), last);
}

TEST_P(ReceivedEvents, InARoomOfPartialStateTheStateOfAnEventIsReplacedAndWhatNeedsAllMembersWaits) {
  run_blocking(runtime_, "test", partial_->begin(room_, R"(["b.example"])", 1));
  EXPECT_TRUE(run_blocking(runtime_, "test", partial_->is_partial(room_)));
  // An event on top of a state that lacks members; a state of its own, so that blocks become needless.
  const NewEvent topic = state("m.room.topic", "", R"({"topic":"partial"})");
  auto head = open_head();
  PreparedEvent event =
      head->append_built(build(topic, {std::string{store_->newest(room_).front()->event->event_id()}}, 5),
                         numbers(topic), nullptr);
  event.partial_state = event.received = true;
  const std::shared_ptr<service::StoredEvent> stored = event.stored;
  commit(*head, std::move(event));
  const std::int64_t partial_after = stored->state_after;
  EXPECT_THROW(run_blocking(runtime_, "test", partial_->end(room_)), std::logic_error);

  struct Waiting {
    PartialState& partial;
    std::int64_t room;
    std::atomic<bool> done{false};
  } waiting{*partial_, room_};
  TaskGroup group{runtime_, "waiting"};
  spawn(group, Background{"waiting"}, [](Waiting& who) -> Task<void> {
    co_await who.partial.whole(who.room);
    who.done = true;
  }(waiting));

  // The rest of the state arrives: many members.
  head = open_head();
  std::vector<matrix::StateChange> members;
  for (std::uint64_t i = 0; i < 500; ++i) {
    members.push_back({.key = kMadeUp + i, .value = kMadeUp + i});
  }
  const matrix::StateMap whole = store_->read([&](ReadTransaction& tx) {
    StateBlocks blocks{tx, room_};
    return state_or_throw(head->state().with(members, &blocks), room_);
  });
  WholeStates states;
  states.events.push_back(
      {.event = stored->number, .before = stored->state_before, .after = head->save(whole)});
  states.current = states.events.front().after;
  states.blocks = head->take_new_blocks();
  states.next_block = head->row().next_block;
  const std::int64_t replaced = states.current;
  const std::int64_t blocks_before = store_->rows("state_blocks");
  EXPECT_FALSE(waiting.done);
  run_blocking(runtime_, "test", partial_->replace(room_, states));
  EXPECT_THROW(run_blocking(runtime_, "test", partial_->replace(room_, std::move(states))), std::logic_error);
  EXPECT_FALSE(waiting.done);
  EXPECT_TRUE(run_blocking(runtime_, "test", rooms_to_collect(*database_)).empty());
  run_blocking(runtime_, "test", partial_->end(room_));
  run_blocking(runtime_, "test", group.join());
  EXPECT_TRUE(waiting.done);
  EXPECT_FALSE(run_blocking(runtime_, "test", partial_->is_partial(room_)));

  const StoredEventPtr now =
      store_->read([&](ReadTransaction& tx) { return store_->reader.by_id(tx, stored->event->event_id()); });
  EXPECT_EQ(now->state_after, replaced);
  EXPECT_EQ(entries_of(replaced).size(), 505U);
  EXPECT_EQ(open_head()->row().state, replaced);

  // What only the partial state needed is collected, and everything else is as it was.
  EXPECT_EQ(run_blocking(runtime_, "test", rooms_to_collect(*database_)), std::vector<std::int64_t>{room_});
  const std::int64_t with_both = store_->rows("state_blocks");
  EXPECT_GT(with_both, blocks_before);
  std::size_t collected = 0;
  for (;;) {
    const Collected step = run_blocking(runtime_, "test", collect_states(*database_, store_->hub, room_));
    collected += step.blocks;
    if (step.states == 0) {
      break;
    }
  }
  EXPECT_GT(collected, 0U);
  EXPECT_EQ(store_->rows("state_blocks"), with_both - static_cast<std::int64_t>(collected));
  EXPECT_EQ(store_->rows("dropped_states"), 0);
  EXPECT_THROW(entries_of(partial_after), storage::Corrupt);
  for (const StoredEventPtr& one : store_->newest(room_)) {
    EXPECT_NO_THROW(entries_of(one->state_before));
    EXPECT_NO_THROW(entries_of(one->state_after));
  }
  Store other{runtime_, *database_};
  EXPECT_NO_THROW(other.write(request(room_id_, state("m.room.name", "", R"({"name":"whole"})"))));
}

/// The persister over a network that breaks.
class PersisterDurability : public testing::Test {
 protected:
  void SetUp() override {
    if (!storage::test::PostgresServer::available()) {
      GTEST_SKIP() << "PostgreSQL is not installed";
    }
  }
  RealRuntime runtime_{{.threads = 1}};
};

TEST_F(PersisterDurability, ACutAtAnyMomentOfTheTransactionLeavesEachEventOnceAndTheRoomWithoutAFork) {
  storage::test::PostgresServer& server = storage::test::shared_postgres();
  server.create_database("cut_persister");
  storage::test::CuttingProxy proxy{server.socket_path()};
  storage::postgres::PostgresOptions options;
  options.parameters = {{"host", "127.0.0.1"},  {"port", std::to_string(proxy.port())},
                        {"user", "lares"},      {"dbname", "cut_persister"},
                        {"sslmode", "disable"}, {"gssencmode", "disable"}};
  options.max_connections = 1;
  const auto database = storage::postgres::open_postgres(options, runtime_);
  Store::migrate(runtime_, *database);
  Store store{runtime_, *database};
  const matrix::RoomId room = store.make_room();
  const std::int64_t number = store.number(room);
  std::size_t sent = 4;
  std::string body = "warm";
  for (const auto where :
       {storage::test::CuttingProxy::Cut::Before, storage::test::CuttingProxy::Cut::After}) {
    int cuts = 0;
    for (int n = 0;; ++n) {
      // State, so that blocks are written too; every statement is prepared by then.
      WriteRequest what = request(room, state("m.room.topic", "", fmt::format(R"({{"topic":"{}"}})", sent)));
      what.transaction = service::TransactionKey{.scope = "device", .id = std::to_string(sent)};
      proxy.cut_at(n, where);
      const WriteResult result = store.write(what);
      const bool cut = proxy.has_cut();
      proxy.cut_at(0, where);
      ++sent;
      ASSERT_EQ(store.newest(number).size(), sent) << "cut at " << n;
      EXPECT_EQ(store.newest(number).front()->event->event_id(), result.events.front().view());
      // The same request again finds the first.
      Store restarted{runtime_, *database};
      EXPECT_EQ(restarted.write(std::move(what)).events, result.events);
      if (n > 0 && !cut) {
        break;
      }
      cuts += cut ? 1 : 0;
    }
    // BEGIN with the first statement; positions, events, the transaction, blocks, the head; COMMIT.
    EXPECT_GE(cuts, 7);
  }
  store.expect_no_fork(number);
  EXPECT_EQ(store.newest(number).size(), sent);
}

}  // namespace
}  // namespace lares::events
