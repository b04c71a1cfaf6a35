// SPDX-License-Identifier: Apache-2.0
#include "sqlite/options.hpp"
#include "storage_test.hpp"

#include <lares/async/when_all.hpp>
#include <lares/storage/errors.hpp>
#include <lares/storage/intern.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace lares::storage::test {
namespace {

using namespace std::string_literals;

class Interning : public StorageTest {
 protected:
  Interning() { run_blocking(runtime_, "test", migrate(*database_, {}, 1)); }
  std::int64_t rows(const char* table) {
    return read([&](ReadTransaction& tx) {
      return tx.one(Statement::generated("SELECT COUNT(*) FROM "s + table),
                    [](const Row& row) { return row.i64(0); });
    });
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, Interning, testing::ValuesIn(engine_cases()), case_name);

TEST_P(Interning, ATextKeepsItsNumber) {
  std::int64_t number = 0;
  {
    Interner interner{*database_, runtime_, {}};
    number = run_blocking(runtime_, "test", interner.intern_user("@a:s"));
    EXPECT_EQ(run_blocking(runtime_, "test", interner.intern_user("@a:s")), number);
    EXPECT_NE(run_blocking(runtime_, "test", interner.intern_user("@b:s")), number);
  }
  Interner again{*database_, runtime_, {}};
  EXPECT_EQ(run_blocking(runtime_, "test", again.intern_user("@a:s")), number);
  EXPECT_EQ(run_blocking(runtime_, "test", again.lookup_user("@a:s")), number);
  const auto texts = run_blocking(runtime_, "test", again.texts(InternKind::User, {number}));
  EXPECT_EQ(texts, (std::vector<InternText>{{.first = "@a:s", .second = ""}}));
}

TEST_P(Interning, LookingUpNeverInterns) {
  Interner interner{*database_, runtime_, {}};
  EXPECT_EQ(run_blocking(runtime_, "test", interner.lookup_room("!unknown:s")), std::nullopt);
  EXPECT_EQ(run_blocking(runtime_, "test", interner.lookup_state_key("m.room.member", "@a:s")), std::nullopt);
  EXPECT_EQ(rows("rooms"), 0);
  EXPECT_EQ(rows("state_keys"), 0);
}

TEST_P(Interning, StateKeysAreToldApartByBothTheirParts) {
  Interner interner{*database_, runtime_, {}};
  const std::vector<InternView> keys{
      {"a", "bc"}, {"ab", "c"}, {"abc", ""}, {"", "abc"}, {std::string_view{"a\0b", 3}, "c"}, {"a", "bc"}};
  const auto numbers = run_blocking(runtime_, "test", interner.intern(InternKind::StateKey, keys));
  EXPECT_EQ(std::set<std::int64_t>(numbers.begin(), numbers.end()).size(), 5U);
  EXPECT_EQ(numbers.front(), numbers.back());
  const auto texts = run_blocking(runtime_, "test", interner.texts(InternKind::StateKey, numbers));
  Interner fresh{*database_, runtime_, {}};
  EXPECT_EQ(run_blocking(runtime_, "test", fresh.texts(InternKind::StateKey, numbers)), texts);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(texts[i].first, keys[i].first);
    EXPECT_EQ(texts[i].second, keys[i].second);
  }
}

TEST_P(Interning, ManyAtOnceFromTwoProcessesAgree) {
  Interner first{*database_, runtime_, {}};
  std::unique_ptr<Database> other;
  if (GetParam().engine == Engine::Postgres) {
    other = second_handle();
  }
  Interner second{other ? *other : *database_, runtime_, {}};
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    texts.push_back(fmt::format("@user{}:s", i));
  }
  std::vector<InternView> forward;
  for (const std::string& text : texts) {
    forward.push_back({.first = text});
  }
  std::vector<InternView> backward{forward.rbegin(), forward.rend()};
  auto both = run_blocking(
      runtime_, "test",
      when_all(first.intern(InternKind::User, forward), second.intern(InternKind::User, backward)));
  std::ranges::reverse(std::get<1>(both));
  EXPECT_EQ(std::get<0>(both), std::get<1>(both));
  EXPECT_EQ(rows("users"), 300);
  EXPECT_EQ(std::set<std::int64_t>(std::get<0>(both).begin(), std::get<0>(both).end()).size(), 300U);
}

TEST_P(Interning, MemoryIsBoundedAndForgettingIsHarmless) {
  Interner interner{*database_, runtime_, {.server_name = "s", .cache_entries = 20, .block = 50}};
  std::vector<std::int64_t> numbers;
  for (int i = 0; i < 100; ++i) {
    const std::string user = fmt::format("@user{}:s", i);
    numbers.push_back(run_blocking(runtime_, "test", interner.intern_user(user)));
    EXPECT_LE(interner.cache_size(InternKind::User), 24U);
  }
  EXPECT_EQ(std::set<std::int64_t>(numbers.begin(), numbers.end()).size(), 100U);
  for (int i = 0; i < 100; ++i) {
    const std::string user = fmt::format("@user{}:s", i);
    EXPECT_EQ(run_blocking(runtime_, "test", interner.lookup_user(user)),
              numbers[static_cast<std::size_t>(i)]);
    EXPECT_EQ(interner.cached_text(InternKind::User, numbers[static_cast<std::size_t>(i)])->first, user);
  }
}

TEST(InterningThatFails, ANumberIsInMemoryOnlyOnceItIsCommitted) {
  RealRuntime runtime{{.threads = 1}};
  const TemporaryFolder folder;
  bool fails = true;
  sqlite::SqliteOptions options;
  options.path = folder.path() / "test.db";
  options.without_threads = true;
  options.before_statement = [&fails](std::string_view sql) {
    if (fails && sql.find("INTO users") != std::string_view::npos) {
      throw Unavailable{"not now"};
    }
  };
  const auto database = sqlite::open_sqlite(options, runtime);
  run_blocking(runtime, "test", migrate(*database, {}, 1));
  Interner interner{*database, runtime, {}};
  EXPECT_THROW(run_blocking(runtime, "test", interner.intern_user("@a:s")), Unavailable);
  EXPECT_EQ(interner.cached(InternKind::User, {.first = "@a:s"}), std::nullopt);
  fails = false;
  const std::int64_t number = run_blocking(runtime, "test", interner.intern_user("@a:s"));
  EXPECT_EQ(interner.cached(InternKind::User, {.first = "@a:s"}), number);
}

TEST_P(Interning, EventNumbersAreFreshInEveryProcess) {
  std::set<std::int64_t> seen;
  std::size_t taken = 0;
  for (int process = 0; process < 3; ++process) {
    Interner interner{*database_, runtime_, {.server_name = "s", .event_block = 10}};
    EXPECT_EQ(interner.try_take_event_number(), std::nullopt);
    for (const std::size_t count : {std::size_t{1}, std::size_t{3}, std::size_t{25}}) {
      const auto numbers = run_blocking(runtime_, "test", interner.take_event_numbers(count));
      EXPECT_EQ(numbers.size(), count);
      EXPECT_TRUE(std::ranges::is_sorted(numbers));
      seen.insert(numbers.begin(), numbers.end());
      taken += count;
    }
    while (const auto number = interner.try_take_event_number()) {
      seen.insert(*number);
      ++taken;
    }
  }
  EXPECT_EQ(seen.size(), taken);
  EXPECT_GT(*seen.begin(), 0);
}

}  // namespace
}  // namespace lares::storage::test
