// SPDX-License-Identifier: Apache-2.0
#include "common.hpp"

#include <lares/http/matrix_error.hpp>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cross_signing.hpp"

namespace lares::keys {
namespace {

using nlohmann::json;

TEST(PublicKeyOf, OneKeyNamedByItself) {
  EXPECT_EQ(public_key_of(json::parse(R"({"keys":{"ed25519:abc":"abc"}})")), "abc");
}

TEST(PublicKeyOf, AnythingElseIsNone) {
  for (const char* text : {R"({})", R"({"keys":[]})", R"({"keys":{}})", R"({"keys":{"ed25519:abc":"other"}})",
                           R"({"keys":{"ed25519:abc":5}})", R"({"keys":{"rsa:abc":"abc"}})",
                           R"({"keys":{"ed25519:abc":"abc","ed25519:def":"def"}})"}) {
    EXPECT_EQ(public_key_of(json::parse(text)), std::nullopt) << text;
  }
}

TEST(Signatures, AreStringsByUserAndKeyOrAbsent) {
  EXPECT_TRUE(has_good_signatures(json::parse(R"({})")));
  EXPECT_TRUE(has_good_signatures(json::parse(R"({"signatures":{"@a:b":{"ed25519:x":"y"}}})")));
  for (const char* text : {R"({"signatures":5})", R"({"signatures":{"@a:b":"x"}})",
                           R"({"signatures":{"@a:b":{"ed25519:x":5}}})", R"({"signatures":null})"}) {
    EXPECT_FALSE(has_good_signatures(json::parse(text))) << text;
  }
}

TEST(Signatures, AreFoundByUserAndKey) {
  const json object = json::parse(R"({"signatures":{"@a:b":{"ed25519:x":"y"}}})");
  EXPECT_EQ(signature_of(object, "@a:b", "ed25519:x"), "y");
  EXPECT_EQ(signature_of(object, "@a:b", "ed25519:z"), std::nullopt);
  EXPECT_EQ(signature_of(object, "@c:d", "ed25519:x"), std::nullopt);
  EXPECT_EQ(signature_of(json::parse(R"({"signatures":[]})"), "@a:b", "ed25519:x"), std::nullopt);
}

TEST(Shapes, AnObjectOfAnotherTypeIsRefusedAndAMissingOneIsNamed) {
  const json body = json::parse(R"({"list":[],"null":null,"object":{}})");
  EXPECT_EQ(optional_object(body, "none"), nullptr);
  EXPECT_EQ(optional_object(body, "null"), nullptr);
  EXPECT_NE(optional_object(body, "object"), nullptr);
  EXPECT_THROW((void)optional_object(body, "list"), http::MatrixError);
  EXPECT_THROW((void)required_object(body, "none"), http::MatrixError);
}

}  // namespace
}  // namespace lares::keys
