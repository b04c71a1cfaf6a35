// SPDX-License-Identifier: Apache-2.0
#include "change.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lares::to_device {
namespace {

Change change() {
  return {.scope = "@a:s DEVICE",
          .type = "m.dummy",
          .txn_id = "t\"1",
          .created_ts = 5,
          .messages = {{.user = 1, .user_id = "@b:s", .device_id = "D1", .json = R"({"content":{}})"},
                       {.user = 1, .user_id = "@b:s", .device_id = "D2", .json = R"({"content":{"x":"\n"}})"},
                       {.user = 2, .user_id = "@c:s", .device_id = "D1", .json = "{}"}}};
}

TEST(ToDeviceChange, IsTheSameAfterTheWayToAnotherProcess) {
  const Change before = change();
  const Change after = decode(encode(before));
  EXPECT_EQ(after.scope, before.scope);
  EXPECT_EQ(after.type, before.type);
  EXPECT_EQ(after.txn_id, before.txn_id);
  EXPECT_EQ(after.created_ts, before.created_ts);
  ASSERT_EQ(after.messages.size(), before.messages.size());
  for (std::size_t i = 0; i < before.messages.size(); ++i) {
    // A number lives in the database and the process: the other one looks up its own.
    EXPECT_EQ(after.messages[i].user, 0);
    EXPECT_EQ(after.messages[i].user_id, before.messages[i].user_id);
    EXPECT_EQ(after.messages[i].device_id, before.messages[i].device_id);
    EXPECT_EQ(after.messages[i].json, before.messages[i].json);
  }
}

TEST(ToDeviceChange, HasOneRowForEachUser) {
  EXPECT_EQ(rows(change()), (std::vector<std::string>{R"(["@b:s"])", R"(["@c:s"])"}));
}

TEST(ToDeviceChange, OfAnotherShapeIsRefused) {
  EXPECT_THROW((void)decode("{"), nlohmann::json::exception);
  EXPECT_THROW((void)decode(R"({"scope":"x"})"), nlohmann::json::exception);
}

}  // namespace
}  // namespace lares::to_device
