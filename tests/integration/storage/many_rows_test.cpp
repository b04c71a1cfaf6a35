// SPDX-License-Identifier: Apache-2.0
#include "storage_test.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace lares::storage::test {
namespace {

using namespace std::string_literals;

class ManyRows : public StorageTest {
 protected:
  ManyRows() {
    create(
        "CREATE TABLE items (a BIGINT NOT NULL, b {bytes} NOT NULL, c TEXT, d DOUBLE PRECISION, e BOOLEAN, "
        "PRIMARY KEY (a, b)) {clustered}");
  }
};
INSTANTIATE_TEST_SUITE_P(Engines, ManyRows, testing::ValuesIn(engine_cases()), case_name);

constexpr InsertMany kInsert{"items",
                             {{{"a"},
                               {"b", ColumnType::Bytes},
                               {"c", ColumnType::Text},
                               {"d", ColumnType::Real},
                               {"e", ColumnType::Boolean}}}};
constexpr InsertMany kInsertNew{
    "items", {{{"a"}, {"b", ColumnType::Bytes}}}, "ON CONFLICT (a, b) DO NOTHING"};
constexpr InsertMany kInsertOrSet{"items",
                                  {{{"a"}, {"b", ColumnType::Bytes}, {"c", ColumnType::Text}}},
                                  "ON CONFLICT (a, b) DO UPDATE SET c = excluded.c"};
constexpr LookupMany kFind{
    .select = "i.c, i.d, i.e", .from = "items i", .keys = {{{"i.a"}, {"i.b", ColumnType::Bytes}}}};
constexpr LookupMany kFindAbove{
    .select = "i.b", .from = "items i", .keys = {{{"i.a"}}}, .where = "i.d > $1 OR i.c = $2"};
constexpr ChangeMany kSet{
    "items", {{{"a"}, {"b", ColumnType::Bytes}}}, {{{"c", ColumnType::Text}, {"e", ColumnType::Boolean}}}};
constexpr ChangeMany kDelete{"items", {{{"a"}}}};
constexpr Statement kCount{"SELECT COUNT(*) FROM items"};

struct Item {
  std::int64_t a;
  std::string b;
  std::optional<std::string> c;
  std::optional<double> d;
  std::optional<bool> e;
};

const std::vector<Item>& items() {
  static const std::vector<Item> all{
      {1, "plain", "text", 0.5, true},
      {2, ""s, "", -1e-300, false},
      {3, "nul\0in,{}\"\\it"s, "quotes \"' \\ {a,b} NULL", std::nullopt, std::nullopt},
      {4, "\xff\xfe"s, std::nullopt, 3.0, std::nullopt},
      {5, std::string(5000, '\\'), "NULL", 4.0, true},
  };
  return all;
}

auto cells(const Item& item) {
  return std::tuple{item.a, Bytes{item.b}, Argument{item.c}, Argument{item.d}, Argument{item.e}};
}

TEST_P(ManyRows, AllInsertedRowsAreFoundAgain) {
  const std::int64_t inserted =
      write([](WriteTransaction& tx) { return tx.insert_many(kInsert, items(), cells); });
  EXPECT_EQ(inserted, 5);
  read([](ReadTransaction& tx) {
    std::map<std::size_t, int> seen;
    tx.lookup_many(
        kFind, items(), [](const Item& item) { return std::tuple{item.a, Bytes{item.b}}; },
        [&](std::size_t at, const Row& row) {
          ++seen[at];
          EXPECT_EQ(row.maybe_text(0), items()[at].c);
          EXPECT_EQ(row.null(1) ? std::nullopt : std::optional{row.real(1)}, items()[at].d);
          EXPECT_EQ(row.null(2) ? std::nullopt : std::optional{row.boolean(2)}, items()[at].e);
        });
    EXPECT_EQ(seen, (std::map<std::size_t, int>{{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}}));
  });
}

TEST_P(ManyRows, NothingIsAskedForNoRows) {
  write([](WriteTransaction& tx) {
    const std::vector<Item> none;
    const std::uint32_t before = tx.calls();
    EXPECT_EQ(tx.insert_many(kInsert, none, cells), 0);
    EXPECT_EQ(tx.change_many(kDelete, none, [](const Item& item) { return item.a; }), 0);
    tx.lookup_many(
        kFind, none, [](const Item& item) { return std::tuple{item.a, Bytes{item.b}}; },
        [](std::size_t, const Row&) { FAIL(); });
    EXPECT_EQ(tx.calls(), before);
  });
}

TEST_P(ManyRows, TheNumberOfCallsDoesNotDependOnTheNumberOfRows) {
  for (const std::size_t rows : {std::size_t{1}, std::size_t{2000}}) {
    std::vector<std::int64_t> numbers(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      numbers[i] = static_cast<std::int64_t>(i + rows);
    }
    write([&](WriteTransaction& tx) {
      const std::uint32_t before = tx.calls();
      tx.insert_many(kInsertNew, numbers, [](std::int64_t n) { return std::tuple{n, Bytes{"x"}}; });
      tx.lookup_many(
          kFind, numbers, [](std::int64_t n) { return std::tuple{n, Bytes{"x"}}; },
          [](std::size_t, const Row&) {});
      tx.change_many(kDelete, numbers, [](std::int64_t n) { return n; });
      EXPECT_EQ(tx.calls() - before, 3U);
    });
  }
}

TEST_P(ManyRows, ConflictsAreHandledAsTheStatementSays) {
  write([](WriteTransaction& tx) {
    tx.insert_many(kInsert, items(), cells);
    const std::vector<std::int64_t> again{1, 2, 7};
    EXPECT_EQ(
        tx.insert_many(kInsertNew, again,
                       [](std::int64_t n) { return std::tuple{n, n == 1 ? Bytes{"plain"} : Bytes{"new"}}; }),
        2);
    const std::vector<std::string> words{"changed"};
    EXPECT_EQ(
        tx.insert_many(kInsertOrSet, words,
                       [](const std::string& word) { return std::tuple{1, Bytes{"plain"}, Argument{word}}; }),
        1);
  });
  read([](ReadTransaction& tx) {
    const std::vector<int> one{0};
    int found = 0;
    tx.lookup_many(
        kFind, one, [](int) { return std::tuple{1, Bytes{"plain"}}; },
        [&](std::size_t, const Row& row) {
          ++found;
          EXPECT_EQ(row.text(0), "changed");
        });
    EXPECT_EQ(found, 1);
  });
}

TEST_P(ManyRows, ALookUpMayHaveACondition) {
  write([](WriteTransaction& tx) { tx.insert_many(kInsert, items(), cells); });
  read([](ReadTransaction& tx) {
    const std::vector<std::int64_t> keys{5, 4, 3, 2, 1, 9};
    std::vector<std::size_t> found;
    tx.lookup_many(
        kFindAbove, keys, [](std::int64_t key) { return key; },
        [&](std::size_t at, const Row&) { found.push_back(at); }, 0.9, "text");
    std::ranges::sort(found);
    EXPECT_EQ(found, (std::vector<std::size_t>{0, 1, 4}));
  });
}

TEST_P(ManyRows, ManyAreChangedAndDeletedByKey) {
  write([](WriteTransaction& tx) {
    tx.insert_many(kInsert, items(), cells);
    EXPECT_EQ(tx.change_many(kSet, items(),
                             [](const Item& item) {
                               return std::tuple{item.a, Bytes{item.b},
                                                 item.a % 2 == 0 ? Argument{"even"} : Argument{nullptr},
                                                 Argument{true}};
                             }),
              5);
  });
  read([](ReadTransaction& tx) {
    tx.lookup_many(
        kFind, items(), [](const Item& item) { return std::tuple{item.a, Bytes{item.b}}; },
        [](std::size_t at, const Row& row) {
          EXPECT_EQ(row.maybe_text(0),
                    items()[at].a % 2 == 0 ? std::optional{std::string_view{"even"}} : std::nullopt);
          EXPECT_TRUE(row.boolean(2));
        });
  });
  write([](WriteTransaction& tx) {
    const std::vector<std::int64_t> some{1, 3, 8};
    EXPECT_EQ(tx.change_many(kDelete, some, [](std::int64_t key) { return key; }), 2);
  });
  EXPECT_EQ(
      read([](ReadTransaction& tx) { return tx.one(kCount, [](const Row& row) { return row.i64(0); }); }), 3);
}

}  // namespace
}  // namespace lares::storage::test
