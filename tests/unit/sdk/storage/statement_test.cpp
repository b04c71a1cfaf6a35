// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/argument.hpp>
#include <lares/storage/statement.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace lares::storage {
namespace {

TEST(StatementText, ParametersAreCountedOutsideQuotes) {
  constexpr Statement kOne{"SELECT '$7', \"$8\" FROM t WHERE a = $2 AND b = $10"};
  EXPECT_EQ(kOne.parameters(Engine::Sqlite), 10);
  constexpr Statement kApart{Sql{"SELECT $1", "SELECT $1, $2"}};
  EXPECT_EQ(kApart.parameters(Engine::Sqlite), 1);
  EXPECT_EQ(kApart.parameters(Engine::Postgres), 2);
}

TEST(StatementText, TheFirstWordIsItsVerb) {
  static_assert(Statement{"SELECT 1"}.verb() == Verb::Select);
  static_assert(Statement{"INSERT INTO t (a) VALUES (1)"}.verb() == Verb::Insert);
  static_assert(Statement{"UPDATE t SET a = 1"}.verb() == Verb::Update);
  static_assert(Statement{"DELETE FROM t"}.verb() == Verb::Delete);
  static_assert(Statement{"WITH a AS (SELECT 1) SELECT * FROM a"}.verb() == Verb::With);
  static_assert(Statement{"SELECTED"}.verb() == Verb::Other);
}

TEST(StatementText, AGeneratedStatementIsKeptAndSharedByItsText) {
  const Statement& first = Statement::generated(std::string{"SELECT "} + "1");
  const Statement& second = Statement::generated("SELECT 1");
  EXPECT_EQ(&first, &second);
  EXPECT_EQ(first.text(Engine::Postgres), "SELECT 1");
}

TEST(StatementText, StatementsOverManyRowsAreToldApart) {
  constexpr InsertMany kA{"t", {{{"a"}, {"b"}}}};
  constexpr InsertMany kB{"t", {{{"a"}, {"c"}}}};
  constexpr InsertMany kC{"t", {{{"a"}, {"b"}}}, "ON CONFLICT DO NOTHING"};
  constexpr InsertMany kAgain{"t", {{{"a"}, {"b"}}}};
  static_assert(kA.identity != kB.identity && kA.identity != kC.identity && kA.identity == kAgain.identity);
}

struct Identifier {
  std::string text;
  [[nodiscard]] std::string_view view() const noexcept { return text; }
};

TEST(ArgumentKinds, FollowFromTheTypeOfTheValue) {
  EXPECT_EQ(Argument{true}.kind(), ArgumentKind::Boolean);
  EXPECT_EQ(Argument{7U}.kind(), ArgumentKind::Integer);
  EXPECT_EQ(Argument{0.5}.kind(), ArgumentKind::Real);
  EXPECT_EQ(Argument{"text"}.kind(), ArgumentKind::Text);
  EXPECT_EQ(Argument{std::string{"text"}}.kind(), ArgumentKind::Text);
  EXPECT_EQ(Argument{Bytes{"bytes"}}.kind(), ArgumentKind::Bytes);
  EXPECT_EQ(Argument{nullptr}.kind(), ArgumentKind::Null);
  EXPECT_EQ(Argument{std::optional<int>{}}.kind(), ArgumentKind::Null);
  EXPECT_EQ(Argument{std::optional<int>{3}}.integer(), 3);
  const Identifier user{"@a:b"};
  EXPECT_EQ(Argument{user}.kind(), ArgumentKind::Bytes);
  EXPECT_EQ(Argument{user}.view(), "@a:b");
  enum class Membership { kJoin = 4 };
  EXPECT_EQ(Argument{Membership::kJoin}.integer(), 4);
}

}  // namespace
}  // namespace lares::storage
