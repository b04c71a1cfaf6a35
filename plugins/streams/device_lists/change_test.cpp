// SPDX-License-Identifier: Apache-2.0
#include "change.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lares::device_lists {
namespace {

TEST(DeviceListChange, IsTheSameAfterTheWayToAnotherProcess) {
  const Change before{
      .user = 7, .user_id = "@a:s", .signed_users = {"@b:s", "@c:s"}, .signed_numbers = {3, 4}};
  const Change after = decode(encode(before));
  EXPECT_EQ(after.user_id, before.user_id);
  EXPECT_EQ(after.signed_users, before.signed_users);
  // A number lives in the database and the process: the other one looks up its own.
  EXPECT_EQ(after.user, 0);
  EXPECT_TRUE(after.signed_numbers.empty());
}

TEST(DeviceListChange, TravelsAsUserSignatureAndHosts) {
  EXPECT_EQ(row("@a:s", false), R"(["@a:s",false,false])");
  EXPECT_EQ(row("@a:s", true), R"(["@a:s",true,false])");
}

TEST(DeviceListChange, OfAnotherShapeIsRefused) {
  EXPECT_THROW((void)decode("[]"), nlohmann::json::exception);
}

}  // namespace
}  // namespace lares::device_lists
