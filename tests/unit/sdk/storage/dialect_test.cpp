// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/dialect.hpp>
#include <lares/storage/errors.hpp>

#include <gtest/gtest.h>

namespace lares::storage {
namespace {

TEST(Dialect, WordsBecomeTheEnginesOwn) {
  constexpr std::string_view kSql =
      "CREATE TABLE t (n {id}, b {bytes} NOT NULL, s {search}, i BIGINT, f DOUBLE PRECISION)";
  EXPECT_EQ(
      to_engine_sql(kSql, Engine::Postgres),
      "CREATE TABLE t (n BIGINT PRIMARY KEY, b BYTEA NOT NULL, s TSVECTOR, i BIGINT, f DOUBLE PRECISION)");
  EXPECT_EQ(to_engine_sql(kSql, Engine::Sqlite),
            "CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB NOT NULL, s TEXT, i INTEGER, f REAL) STRICT");
}

TEST(Dialect, AClusteredTableIsStrictToo) {
  constexpr std::string_view kSql =
      "CREATE TABLE t (a BIGINT, b BOOLEAN DEFAULT FALSE, PRIMARY KEY (a)) {clustered}";
  EXPECT_EQ(to_engine_sql(kSql, Engine::Sqlite),
            "CREATE TABLE t (a INTEGER, b INTEGER DEFAULT FALSE, PRIMARY KEY (a)) WITHOUT ROWID, STRICT");
  EXPECT_EQ(to_engine_sql(kSql, Engine::Postgres),
            "CREATE TABLE t (a BIGINT, b BOOLEAN DEFAULT FALSE, PRIMARY KEY (a)) ");
}

TEST(Dialect, QuotedTextAndLongerNamesStayAsTheyAre) {
  EXPECT_EQ(to_engine_sql("ALTER TABLE t ADD COLUMN BIGINTS TEXT DEFAULT 'a {id} BIGINT'", Engine::Sqlite),
            "ALTER TABLE t ADD COLUMN BIGINTS TEXT DEFAULT 'a {id} BIGINT'");
}

TEST(Dialect, QueriesKeepTheirTypes) {
  EXPECT_EQ(to_engine_sql("SELECT CAST(SUM(a) AS BIGINT) FROM t", Engine::Sqlite),
            "SELECT CAST(SUM(a) AS BIGINT) FROM t");
}

TEST(Dialect, AWordThatDoesNotExistIsRefused) {
  EXPECT_THROW((void)to_engine_sql("CREATE TABLE t (a {byte})", Engine::Sqlite), StatementError);
  EXPECT_THROW((void)to_engine_sql("CREATE TABLE t (a {bytes)", Engine::Postgres), StatementError);
}

TEST(Dialect, ManyRowsAreArraysOnOneEngineAndParametersOnTheOther) {
  constexpr InsertMany kInsert{"t", {{{"a"}, {"b", ColumnType::Bytes}}}, "ON CONFLICT DO NOTHING"};
  EXPECT_EQ(to_engine_sql(kInsert, Engine::Sqlite),
            "INSERT INTO t (a, b) VALUES ($1, $2) ON CONFLICT DO NOTHING");
  EXPECT_EQ(to_engine_sql(kInsert, Engine::Postgres),
            "INSERT INTO t (a, b) SELECT * FROM unnest($1::bigint[], $2::bytea[]) ON CONFLICT DO NOTHING");
  constexpr LookupMany kFind{.select = "x.v", .from = "t x", .keys = {{{"x.a"}}}, .where = "x.v > $1"};
  EXPECT_EQ(to_engine_sql(kFind, Engine::Sqlite), "SELECT x.v FROM t x WHERE x.a = $2 AND (x.v > $1)");
  EXPECT_EQ(to_engine_sql(kFind, Engine::Postgres),
            "SELECT k.n - 1, x.v FROM unnest($2::bigint[]) WITH ORDINALITY AS k(c1, n), t x WHERE x.a = k.c1 "
            "AND (x.v > $1)");
  constexpr ChangeMany kSet{"t", {{{"a"}}}, {{{"b", ColumnType::Bytes}}}};
  EXPECT_EQ(to_engine_sql(kSet, Engine::Sqlite), "UPDATE t SET b = $2 WHERE a = $1");
  EXPECT_EQ(to_engine_sql(kSet, Engine::Postgres),
            "UPDATE t t SET b = k.c2 FROM unnest($1::bigint[], $2::bytea[]) AS k(c1, c2) WHERE t.a = k.c1");
}

}  // namespace
}  // namespace lares::storage
