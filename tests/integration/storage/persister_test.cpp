// SPDX-License-Identifier: Apache-2.0
// The persister's transaction with every plugin that joins it: the server as it is installed, without its
// listeners.
#include <config/loader.hpp>
#include <config/sources.hpp>
#include <host/caches.hpp>
#include <host/data_care_impl.hpp>
#include <host/host.hpp>
#include <host/module_host.hpp>
#include <host/server_impl.hpp>
#include <host/server_keys_impl.hpp>
#include <http/http_server.hpp>
#include <http/router_impl.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/base/error.hpp>
#include <lares/service/event_sink.hpp>
#include <lares/service/event_writer.hpp>
#include <lares/service/rooms.hpp>
#include <lares/service/start_check.hpp>
#include <lares/storage/intern.hpp>
#include <lares/storage/transaction.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cutting_proxy.hpp"
#include "storage_test.hpp"

namespace lares::host {
namespace {

using service::NewEvent;
using service::StoredEventPtr;
using service::WriteRequest;
using service::WriteResult;
using storage::Bytes;
using storage::ReadTransaction;
using storage::Row;
using storage::Statement;
using storage::WriteTransaction;
using storage::test::CuttingProxy;

constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMany = 50;

matrix::UserId user(std::string_view name) {
  return *matrix::UserId::parse(fmt::format("@{}:hs.test", name));
}

NewEvent event(std::string type, std::string_view sender, std::string content) {
  return {.type = std::move(type),
          .state_key = {},
          .sender = user(sender),
          .content = std::move(content),
          .redacts = {},
          .origin_server_ts = 0};
}

NewEvent state(std::string type, std::string content) {
  NewEvent made = event(std::move(type), "alice", std::move(content));
  made.state_key = "";
  return made;
}

NewEvent member(std::string_view name, std::string_view membership, std::string_view display_name = "") {
  NewEvent made = event("m.room.member", name,
                        fmt::format(R"({{"membership":"{}","displayname":"{}"}})", membership, display_name));
  made.state_key = user(name).str();
  return made;
}

NewEvent threaded(const matrix::EventId& root, std::string_view mentioned) {
  return event("m.room.message", "alice",
               fmt::format(R"({{"msgtype":"m.text","body":"for you","m.mentions":{{"user_ids":["{}"]}},)"
                           R"("m.relates_to":{{"rel_type":"m.thread","event_id":"{}"}}}})",
                           user(mentioned).view(), root.view()));
}

NewEvent redaction(const matrix::EventId& of) {
  NewEvent made = event("m.room.redaction", "alice", "{}");
  made.redacts = of.str();
  return made;
}

/// The last of those who join: notes what each transaction has asked the database by then, and has the
/// network cut while one runs.
class Observer final : public service::EventSink {
 public:
  struct Batch {
    std::string type;  ///< of its first event
    std::size_t events = 0;
    std::uint32_t calls = 0;
  };

  Task<void> prepare(std::span<const StoredEventPtr>, std::span<service::EventMarks>) override {
    if (const int n = std::exchange(cut_at_, 0); n > 0) {
      proxy_->cut_at(n, where_);
    }
    co_return;
  }
  void write(WriteTransaction& tx, std::span<const StoredEventPtr> events) override {
    const std::lock_guard lock{mutex_};
    batches_.push_back({std::string{events.front()->event->type()}, events.size(), tx.calls()});
  }
  void committed(std::span<const StoredEventPtr>) noexcept override {
    ++told_;
    if (proxy_ != nullptr) {
      was_cut_ = proxy_->has_cut();
      proxy_->cut_at(0, where_);
    }
  }

  /// Cuts at the `n`th thing that is sent from the beginning of the next transaction to its end.
  void cut_next(CuttingProxy& proxy, int n, CuttingProxy::Cut where) {
    proxy_ = &proxy;
    cut_at_ = n;
    where_ = where;
    was_cut_ = false;
    told_ = 0;
  }
  /// How often those who join have heard of a commit since then.
  [[nodiscard]] int told() const noexcept { return told_; }
  [[nodiscard]] bool was_cut() const noexcept { return was_cut_; }

  /// The last batch that began with an event of this type.
  [[nodiscard]] Batch last(std::string_view type) const {
    const std::lock_guard lock{mutex_};
    const auto newest_first = std::views::reverse(batches_);
    const auto found = std::ranges::find(newest_first, type, &Batch::type);
    return found == newest_first.end() ? Batch{} : *found;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Batch> batches_;
  CuttingProxy* proxy_ = nullptr;
  int cut_at_ = 0;
  CuttingProxy::Cut where_ = CuttingProxy::Cut::Before;
  bool was_cut_ = false;
  int told_ = 0;
};

/// A main process with all plugins of the build, and the observer among those who join the writing of events.
class WholeServer {
 public:
  WholeServer(const std::string& database, const std::string& folder)
      : config_(make_config(database, folder)),
        keys_(*config_, runtime_, KeyUse::Ephemeral),
        server_(config_, runtime_, router_, runtime_.metrics()),
        caches_(server_),
        data_care_(server_, plugins().declarations().schemas()) {
    server_.registry().set_plugin("host");
    router_.set_plugin("host");
    server_.services().provide<service::ServerKeys>(keys_);
    server_.services().provide<service::DataCare>(data_care_);
    http_ = std::make_unique<http::HttpServer>(server_, router_);
    modules_ = std::make_unique<ModuleHost>(server_, module_places(*config_));
    server_.services().provide<service::SpamChecker>(*modules_);
    server_.services().join<service::EventSink>(observer_, 1000);
    server_.construct(plugins().catalogue());
    run_blocking(runtime_, "start", start());
  }
  ~WholeServer() { run_blocking(runtime_, "stop", stop()); }
  WholeServer(const WholeServer&) = delete;
  WholeServer& operator=(const WholeServer&) = delete;

  [[nodiscard]] Observer& observer() noexcept { return observer_; }
  [[nodiscard]] service::Rooms& rooms() { return server_.services().get<service::Rooms>(); }

  WriteResult write(WriteRequest what) {
    return run(server_.services().get<service::EventWriter>().write(std::move(what)));
  }
  WriteResult write(const matrix::RoomId& room, std::vector<NewEvent> events) {
    WriteRequest request;
    request.room = room;
    request.events = std::move(events);
    return write(std::move(request));
  }
  matrix::RoomId make_room() {
    WriteRequest create;
    create.room_version = "11";
    create.events.push_back(state("m.room.create", R"({"room_version":"11"})"));
    create.events.push_back(member("alice", "join"));
    create.events.push_back(state("m.room.join_rules", R"({"join_rule":"public"})"));
    return write(std::move(create)).room;
  }

  template <class T>
  T run(Task<T> task) {
    return run_blocking(runtime_, "test", std::move(task));
  }
  std::int64_t number(const matrix::UserId& id) {
    return run(server_.services().get<storage::Interner>().intern_user(id.view()));
  }
  template <class... Arguments>
  std::int64_t one(const Statement& statement, const Arguments&... arguments) {
    return run(database().read("test_read", [&](ReadTransaction& tx) {
      return tx.one(statement, arguments..., [](const Row& row) { return row.i64(0); });
    }));
  }
  template <class... Arguments>
  void change(const Statement& statement, const Arguments&... arguments) {
    run_blocking(runtime_, "test", database().write("test_write", [&](WriteTransaction& tx) {
      tx.exec(statement, arguments...);
    }));
  }

 private:
  static const Host& plugins() {
    static const Host host{HostOptions{}};
    return host;
  }
  static ConfigPtr make_config(const std::string& database, const std::string& folder) {
    const std::string text = fmt::format(
        "server_name: hs.test\nrate_limits: false\ndata_dir: {}\ndatabase: {}\n", folder, database);
    config::Sources sources;
    sources.names = {"test"};
    sources.root = config::parse_document(text, 0, "test").value();
    const config::LoadResult result =
        config::check(sources, plugins().declarations().keys(), config::Scope::DeclaredOnly);
    if (!result.config) {
      std::string errors;
      for (const config::Diagnostic& diagnostic : result.diagnostics) {
        errors += config::to_string(diagnostic) + "\n";
      }
      throw StartError{errors};
    }
    return result.config;
  }

  Task<void> start() {
    co_await server_.start(kPatience, [this](storage::Database& database) { return prepare(database); });
  }
  Task<void> prepare(storage::Database& database) {
    co_await data_care_.migrate(database);
    for (service::StartCheck* check : server_.services().all<service::StartCheck>()) {
      co_await check->check();
    }
  }
  Task<void> stop() {
    server_.begin_drain();
    co_await server_.drain(runtime_.steady_now() + kPatience);
    co_await data_care_.stop();
    co_await server_.stop(kPatience);
  }
  storage::Database& database() { return server_.services().get<storage::Database>(); }

  RealRuntime runtime_;
  Observer observer_;
  ConfigPtr config_;
  ServerKeysImpl keys_;
  http::RouterImpl router_;
  ServerImpl server_;
  Caches caches_;
  DataCareImpl data_care_;
  std::unique_ptr<http::HttpServer> http_;
  std::unique_ptr<ModuleHost> modules_;
};

constexpr Statement kMakeGuest{
    "INSERT INTO accounts (account, user_id, guest, admin, created_ts) VALUES ($1, $2, TRUE, FALSE, 0)"};
constexpr Statement kGuestsToLeave{"SELECT COUNT(*) FROM account_tasks"};
constexpr Statement kPosition{"SELECT position FROM events WHERE event_id = $1"};
constexpr Statement kNumber{"SELECT event FROM events WHERE event_id = $1"};
constexpr Statement kJoinedSince{
    "SELECT COALESCE(MAX(position), 0) FROM room_sharing WHERE room = $1 AND member = $2 AND joined"};

/// On both engines, and with every write run twice.
class PersisterWithAllPlugins : public testing::TestWithParam<storage::test::EngineCase> {
 protected:
  PersisterWithAllPlugins() : server_{database(), folder_.path().string()} {}

  std::string database() {
    const std::string twice = fmt::format("run_writes_twice: {}", GetParam().twice);
    if (GetParam().engine == storage::Engine::Sqlite) {
      return fmt::format("{{name: sqlite3, {}, args: {{database: {}/test.db}}}}", twice,
                         folder_.path().string());
    }
    static int next = 0;
    const std::string name = fmt::format("persister_{}", next++);
    storage::test::shared_postgres().create_database(name);
    return fmt::format("{{name: psycopg2, {}, args: {{host: {}, user: lares, dbname: {}, cp_min: 1}}}}",
                       twice, storage::test::shared_postgres().socket_folder(), name);
  }

  /// What the transaction of these events has asked the database: they are one batch, being one request.
  std::uint32_t calls(const matrix::RoomId& room, std::vector<NewEvent> events) {
    const std::string type = events.front().type;
    const std::size_t count = events.size();
    server_.write(room, std::move(events));
    const Observer::Batch batch = server_.observer().last(type);
    EXPECT_EQ(batch.events, count);
    return batch.calls;
  }

  storage::test::TemporaryFolder folder_;
  WholeServer server_;
};
INSTANTIATE_TEST_SUITE_P(Engines, PersisterWithAllPlugins, testing::ValuesIn(storage::test::engine_cases()),
                         storage::test::case_name);

TEST_P(PersisterWithAllPlugins, ABatchAsksTheDatabaseTheSameNumberOfTimesHoweverManyEventsItHas) {
  const matrix::RoomId room = server_.make_room();
  const auto of_many = [](auto make) {
    std::vector<NewEvent> events;
    for (std::size_t i = 0; i < kMany; ++i) {
      events.push_back(make(i));
    }
    return events;
  };
  const auto name = [](std::size_t i) { return fmt::format("user{}", i); };

  const std::uint32_t one_join = calls(room, {member("bob", "join")});
  EXPECT_EQ(calls(room, of_many([&](std::size_t i) { return member(name(i), "join"); })), one_join);

  const auto text = [](std::size_t i) {
    return event("m.room.message", "alice", fmt::format(R"({{"msgtype":"m.text","body":"{}"}})", i));
  };
  const std::vector<matrix::EventId> roots = server_.write(room, of_many(text)).events;
  const std::uint32_t one_thread = calls(room, {threaded(roots[0], "bob")});
  const auto mention = [&](std::size_t i) { return threaded(roots[i], name(i)); };
  EXPECT_EQ(calls(room, of_many(mention)), one_thread);

  const std::vector<matrix::EventId> said = server_.write(room, of_many(mention)).events;
  const matrix::EventId last = server_.write(room, {mention(0)}).events.front();
  const std::uint32_t one_redaction = calls(room, {redaction(last)});
  EXPECT_EQ(calls(room, of_many([&](std::size_t i) { return redaction(said[i]); })), one_redaction);

  const std::uint32_t one_leave = calls(room, {member("bob", "leave")});
  EXPECT_EQ(calls(room, of_many([&](std::size_t i) { return member(name(i), "leave"); })), one_leave);
}

TEST_P(PersisterWithAllPlugins, AGuestWhoComesWithTheBatchThatClosesTheRoomHasToLeaveToo) {
  const NewEvent closes = state("m.room.guest_access", R"({"guest_access":"forbidden"})");
  const NewEvent before = member("before", "join");
  const NewEvent after = member("after", "join");
  const NewEvent elsewhere = member("elsewhere", "join");
  for (const NewEvent* join : {&before, &after, &elsewhere}) {
    server_.change(kMakeGuest, server_.number(join->sender), Bytes{join->sender.view()});
  }
  const matrix::RoomId room = server_.make_room();
  server_.write(server_.make_room(), {elsewhere});
  server_.write(room, {before, closes, after});
  EXPECT_EQ(server_.one(kGuestsToLeave), 2);
}

TEST_P(PersisterWithAllPlugins, ARoomThatClosesToGuestsAsksTheSameNumberOfTimesHoweverManyItHas) {
  const matrix::RoomId of_one = server_.make_room();
  const matrix::RoomId of_many = server_.make_room();
  std::vector<NewEvent> joins;
  for (std::size_t i = 0; i < kMany; ++i) {
    joins.push_back(member(fmt::format("guest{}", i), "join"));
    const matrix::UserId id = joins.back().sender;
    server_.change(kMakeGuest, server_.number(id), Bytes{id.view()});
  }
  server_.write(of_one, {joins.front()});
  server_.write(of_many, joins);
  const NewEvent closes = state("m.room.guest_access", R"({"guest_access":"forbidden"})");
  const std::uint32_t one = calls(of_one, {closes});
  // Its guest leaves soon, which is a batch of its own if the other room closes later.
  const std::int64_t room_of_one = *server_.run(server_.rooms().number(of_one));
  while (server_.run(server_.rooms().joined_users(room_of_one))->size() > 1) {
  }
  EXPECT_EQ(calls(of_many, {closes}), one);
  EXPECT_EQ(server_.one(kGuestsToLeave), static_cast<std::int64_t>(kMany));
}

TEST_P(PersisterWithAllPlugins, WhoComesAndGoesWithinABatchSharesTheRoomSinceTheLastStep) {
  const matrix::RoomId id = server_.make_room();
  const std::int64_t room = *server_.run(server_.rooms().number(id));
  const std::int64_t bob = server_.number(user("bob"));
  const auto joined_since = [&] { return server_.one(kJoinedSince, room, bob); };
  const auto position = [&](const matrix::EventId& event) {
    return server_.one(kPosition, Bytes{event.view()});
  };

  // A new name is no news.
  WriteResult written = server_.write(id, {member("bob", "join"), member("bob", "join", "Bob")});
  EXPECT_EQ(joined_since(), position(written.events[0]));
  server_.write(id, {member("bob", "join", "Robert")});
  EXPECT_EQ(joined_since(), position(written.events[0]));

  written = server_.write(id, {member("bob", "leave"), member("bob", "join"), member("bob", "join", "Bob")});
  EXPECT_EQ(joined_since(), position(written.events[1]));
  server_.write(id, {member("bob", "leave"), member("bob", "join"), member("bob", "leave")});
  EXPECT_EQ(joined_since(), 0);
  written = server_.write(id, {member("bob", "join"), member("alice", "join", "Alice")});
  EXPECT_EQ(joined_since(), position(written.events[0]));
}

/// Over a network that breaks.
class CutPersister : public testing::Test {
 protected:
  void SetUp() override {
    if (!storage::test::PostgresServer::available()) {
      GTEST_SKIP() << "PostgreSQL is not installed";
    }
    static int next = 0;
    const std::string name = fmt::format("cut_{}", next++);
    storage::test::PostgresServer& server = storage::test::shared_postgres();
    server.create_database(name);
    proxy_.emplace(server.socket_path());
    server_.emplace(
        fmt::format("{{name: psycopg2, args: {{host: 127.0.0.1, port: {}, user: lares, dbname: {}, "
                    "sslmode: disable, gssencmode: disable, cp_min: 1, cp_max: 1}}}}",
                    proxy_->port(), name),
        folder_.path().string());
    room_id_.emplace(server_->make_room());
    room_ = *server_->run(server_->rooms().number(*room_id_));
    bob_ = server_->number(user("bob"));
    const NewEvent hello = event("m.room.message", "alice", R"({"msgtype":"m.text","body":"hello"})");
    root_.emplace(server_->write(*room_id_, {member("bob", "join"), hello}).events.back());
    root_number_ = number(*root_);
    last_ = root_->str();
    events_ = events_of_room();
  }

  std::int64_t number(const matrix::EventId& id) { return server_->one(kNumber, Bytes{id.view()}); }
  std::int64_t position(const matrix::EventId& id) { return server_->one(kPosition, Bytes{id.view()}); }
  std::int64_t events_of_room() {
    static constexpr Statement kEvents{"SELECT COUNT(*) FROM events WHERE room = $1"};
    return server_->one(kEvents, room_);
  }
  /// Writes while nothing is cut.
  matrix::EventId write(NewEvent what) {
    matrix::EventId id = server_->write(*room_id_, {std::move(what)}).events.front();
    last_ = id.str();
    ++events_;
    return id;
  }

  /// Writes the event that `make` gives, again and again, with a cut at every place of its transaction;
  /// `check` looks at what is there of it afterwards.
  template <class Make, class Check>
  void cut_everywhere(Make make, Check check) {
    for (const auto where : {CuttingProxy::Cut::Before, CuttingProxy::Cut::After}) {
      int cuts = 0;
      for (int n = 1;; ++n) {
        WriteRequest what;
        what.room = *room_id_;
        what.events.push_back(make());
        what.transaction = service::TransactionKey{.scope = "device", .id = std::to_string(++transactions_)};
        const std::string type = what.events.front().type;
        server_->observer().cut_next(*proxy_, n, where);
        const matrix::EventId id = server_->write(what).events.front();
        const bool cut = server_->observer().was_cut();
        SCOPED_TRACE(fmt::format("{} with a cut at {}", type, n));
        ++events_;
        EXPECT_EQ(server_->observer().told(), 1);
        expect_there_once(id);
        check(id);
        // The same request again finds the first.
        EXPECT_EQ(server_->write(std::move(what)).events.front(), id);
        EXPECT_EQ(events_of_room(), events_);
        last_ = id.str();
        if (HasFailure()) {
          return;
        }
        if (!cut) {
          // Each call, and COMMIT.
          EXPECT_GT(cuts, static_cast<int>(server_->observer().last(type).calls));
          break;
        }
        ++cuts;
      }
    }
  }

  void expect_there_once(const matrix::EventId& id) {
    static constexpr Statement kTransactions{"SELECT COUNT(*) FROM event_transactions WHERE event = $1"};
    static constexpr Statement kOfNothing{
        "SELECT COUNT(*) FROM push_exceptions x WHERE x.room = $1 AND NOT EXISTS (SELECT 1 FROM events e "
        "WHERE "
        "e.room = x.room AND e.position = x.position)"};
    EXPECT_EQ(events_of_room(), events_);
    EXPECT_EQ(server_->one(kTransactions, number(id)), 1);
    EXPECT_EQ(server_->one(kOfNothing, room_), 0) << "a transaction that did not commit left something";
    // It builds on the one before it, and the caches have it.
    const StoredEventPtr stored = server_->run(server_->rooms().event(id.str()));
    ASSERT_TRUE(stored);
    const auto prev = stored->event->prev_events();
    ASSERT_EQ(prev.size(), 1U);
    EXPECT_EQ(*prev.begin(), last_);
  }

  storage::test::TemporaryFolder folder_;
  std::optional<CuttingProxy> proxy_;
  std::optional<WholeServer> server_;
  std::optional<matrix::RoomId> room_id_;
  std::optional<matrix::EventId> root_;
  std::int64_t room_ = 0;
  std::int64_t bob_ = 0;
  std::int64_t root_number_ = 0;
  std::int64_t events_ = 0;
  std::string last_;
  int transactions_ = 0;
};

TEST_F(CutPersister, AJoinIsThereOnceWithAllThatIsNotedOfIt) {
  static constexpr Statement kMembership{
      "SELECT COUNT(*) FROM room_memberships WHERE room = $1 AND member = $2 AND event = $3 AND position = "
      "$4"};
  // 3 is the place from which a member's counts begin.
  static constexpr Statement kCountsBegin{
      "SELECT COUNT(*) FROM push_exceptions WHERE room = $1 AND member = $2 AND notify = 3"};
  static constexpr Statement kCountsBeginAt{
      "SELECT MAX(position) FROM push_exceptions WHERE room = $1 AND member = $2 AND notify = 3"};
  cut_everywhere(
      [this] {
        write(member("bob", "leave"));
        return member("bob", "join");
      },
      [this](const matrix::EventId& id) {
        const std::int64_t at = position(id);
        EXPECT_EQ(server_->one(kMembership, room_, bob_, number(id), at), 1);
        EXPECT_EQ(server_->one(kJoinedSince, room_, bob_), at);
        EXPECT_EQ(server_->one(kCountsBegin, room_, bob_), 1);
        EXPECT_EQ(server_->one(kCountsBeginAt, room_, bob_), at);
        const auto joined = server_->run(server_->rooms().joined_users(room_));
        EXPECT_EQ(std::ranges::count(*joined, bob_), 1);
      });
}

TEST_F(CutPersister, ARedactionIsThereOnceAndTakesWhatItRedactsAway) {
  static constexpr Statement kRedactedBy{"SELECT COALESCE(redacted_by, 0) FROM events WHERE event = $1"};
  static constexpr Statement kRedacted{"SELECT COUNT(*) FROM redacted_events WHERE event = $1"};
  static constexpr Statement kRelations{"SELECT COUNT(*) FROM event_relations WHERE event = $1"};
  std::int64_t target = 0;
  cut_everywhere(
      [&] {
        const matrix::EventId id = write(threaded(*root_, "bob"));
        target = number(id);
        EXPECT_EQ(server_->one(kRelations, target), 1);
        return redaction(id);
      },
      [&](const matrix::EventId& id) {
        EXPECT_EQ(server_->one(kRedactedBy, target), number(id));
        EXPECT_EQ(server_->one(kRedacted, target), 1);
        EXPECT_EQ(server_->one(kRelations, target), 0);
      });
}

TEST_F(CutPersister, AMessageOfAThreadThatMentionsIsThereOnceAndCountsOnce) {
  static constexpr Statement kThread{"SELECT COALESCE(thread, 0) FROM events WHERE event = $1"};
  static constexpr Statement kThreads{"SELECT COUNT(*) FROM push_threads WHERE root = $1"};
  static constexpr Statement kRelation{
      "SELECT COUNT(*) FROM event_relations WHERE event = $1 AND target = $2 AND position = $3"};
  static constexpr Statement kMentions{
      "SELECT COUNT(*) FROM push_exceptions WHERE room = $1 AND member = $2 AND position = $3 AND thread = "
      "$4"};
  cut_everywhere([this] { return threaded(*root_, "bob"); },
                 [this](const matrix::EventId& id) {
                   const std::int64_t at = position(id);
                   EXPECT_EQ(server_->one(kThread, number(id)), root_number_);
                   EXPECT_EQ(server_->one(kThreads, root_number_), 1);
                   EXPECT_EQ(server_->one(kRelation, number(id), root_number_, at), 1);
                   EXPECT_EQ(server_->one(kMentions, room_, bob_, at, root_number_), 1);
                 });
}

}  // namespace
}  // namespace lares::host
