// SPDX-License-Identifier: Apache-2.0
#include <lares/storage/migration.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace lares::storage {
namespace {

Schema good() {
  Schema schema;
  schema.plugin = "typing";
  schema.migrations = {
      {.number = 1,
       .kind = MigrationKind::Expand,
       .summary = "Adds it.",
       .statements = {"CREATE TABLE typing (room BIGINT NOT NULL, user_number BIGINT NOT NULL, "
                      "PRIMARY KEY (room, user_number))"}}};
  schema.tables = {{.name = "typing",
                    .key = {"room", "user_number"},
                    .owners = {{.kind = OwnerKind::Room, .column = "room"},
                               {.kind = OwnerKind::User, .column = "user_number"}},
                    .bound = "one per member",
                    .ends = "30 s"}};
  return schema;
}

std::string check(const Schema& schema) {
  const std::vector<Schema> all{storage_schema(), schema};
  std::string text;
  for (const std::string& sentence : check_schemas(all)) {
    text += sentence + "\n";
  }
  return text;
}

TEST(CheckSchemas, FindsNothingWrongWithWhatIsRight) {
  EXPECT_EQ(check(good()), "");
}

TEST(CheckSchemas, MissesOwnerBoundEndAndKey) {
  Schema schema = good();
  schema.tables[0].owners.clear();
  schema.tables[0].bound = "";
  schema.tables[0].ends = "";
  schema.tables[0].key.clear();
  const std::string wrong = check(schema);
  for (const char* lacks : {"lacks its owner", "lacks its bound", "lacks what ends a row", "lacks its key"}) {
    EXPECT_NE(wrong.find(lacks), std::string::npos) << lacks;
  }
}

TEST(CheckSchemas, FindsTablesThatNobodyDeclaresOrMakes) {
  Schema undeclared = good();
  undeclared.tables.clear();
  EXPECT_NE(check(undeclared).find("makes the table typing, which is not declared"), std::string::npos);
  Schema unmade = good();
  unmade.migrations[0].statements.push_back("DROP TABLE IF EXISTS typing");
  EXPECT_NE(check(unmade).find("no migration makes it"), std::string::npos);
  Schema renamed = good();
  renamed.migrations[0].statements.push_back("ALTER TABLE typing RENAME TO typing_users");
  renamed.tables[0].name = "typing_users";
  EXPECT_EQ(check(renamed), "");
}

TEST(CheckSchemas, WantsMigrationsInOrder) {
  Schema schema = good();
  schema.migrations[0].number = 2;
  EXPECT_NE(check(schema).find("without gaps"), std::string::npos);
}

TEST(CheckSchemas, WantsOwnersThatCanBeFollowed) {
  Schema device = good();
  device.tables[0].owners = {{.kind = OwnerKind::Device, .column = "user_number"}};
  EXPECT_NE(check(device).find("column of the device id"), std::string::npos);
  Schema server = good();
  server.tables[0].owners = {{.kind = OwnerKind::Server, .column = "room"}};
  EXPECT_NE(check(server).find("servers are not interned"), std::string::npos);
  Schema through = good();
  through.tables[0].owners = {{.kind = OwnerKind::Room, .column = "event", .through = "events"}};
  EXPECT_NE(check(through).find("through events"), std::string::npos);
}

TEST(CheckSchemas, WantsBackgroundUpdatesDeclared) {
  Schema schema = good();
  schema.migrations[0].starts = {"fill_typing"};
  EXPECT_NE(check(schema).find("fill_typing, which is not declared"), std::string::npos);
}

TEST(CheckSchemas, RefusesTwoTablesOfOneName) {
  const std::vector<Schema> twice{storage_schema(), good(), good()};
  EXPECT_FALSE(check_schemas(twice).empty());
}

}  // namespace
}  // namespace lares::storage
