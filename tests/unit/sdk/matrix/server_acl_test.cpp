// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/matrix/grammars.hpp>
#include <lares/matrix/server_acl.hpp>
#include <lares/matrix/third_party_id.hpp>

namespace {

using namespace lares::matrix;
using lares::json::Value;

bool allows(const char* content, std::string_view server) {
  return ServerAcl{Value{std::string_view{content}}}.allows(server);
}

TEST(ServerAcl, AdmitsNobodyWithoutAnAllowRule) {
  EXPECT_FALSE(allows("{}", "a.example"));
  EXPECT_FALSE(allows(R"({"allow":"*"})", "a.example"));
  EXPECT_FALSE(allows(R"({"allow":[5,null,["*"]]})", "a.example"));
}

TEST(ServerAcl, DenyGoesBeforeAllow) {
  constexpr const char* kAcl = R"({"allow":["*"],"deny":["*.evil.com","evil.com"]})";
  EXPECT_TRUE(allows(kAcl, "good.com"));
  EXPECT_FALSE(allows(kAcl, "evil.com"));
  EXPECT_FALSE(allows(kAcl, "very.evil.com"));
  EXPECT_TRUE(allows(kAcl, "notevil.com"));
}

TEST(ServerAcl, PortsDoNotCount) {
  constexpr const char* kAcl = R"({"allow":["*"],"deny":["evil.com"]})";
  EXPECT_FALSE(allows(kAcl, "evil.com:8448"));
  EXPECT_FALSE(allows(kAcl, "evil.com:1234"));
  EXPECT_TRUE(allows(R"({"allow":["*"],"deny":["evil.com:8448"]})", "evil.com:8448"));
}

TEST(ServerAcl, CaseDoesNotCount) {
  EXPECT_FALSE(allows(R"({"allow":["*"],"deny":["EVIL.com"]})", "evil.COM"));
  EXPECT_FALSE(allows(R"({"allow":["*"],"deny":["*.Evil.com"]})", "x.EVIL.com"));
}

TEST(ServerAcl, QuestionMarksTakeOneCharacter) {
  EXPECT_FALSE(allows(R"({"allow":["*"],"deny":["ev?l.com"]})", "evil.com"));
  EXPECT_TRUE(allows(R"({"allow":["*"],"deny":["ev?l.com"]})", "eviil.com"));
}

TEST(ServerAcl, IpLiteralsCanBeRefusedTogether) {
  constexpr const char* kAcl = R"({"allow":["*"],"allow_ip_literals":false})";
  for (const char* server : {"1.2.3.4", "1.2.3.4:8448", "[::1]", "[2001:db8::1]:8448"}) {
    EXPECT_FALSE(allows(kAcl, server)) << server;
    EXPECT_TRUE(allows(R"({"allow":["*"],"allow_ip_literals":"false"})", server)) << server;
    EXPECT_TRUE(allows(R"({"allow":["*"]})", server)) << server;
  }
  EXPECT_TRUE(allows(kAcl, "1.2.3.4.example"));
  EXPECT_FALSE(allows(R"({"allow":["*"],"deny":["[2001:DB8::*]"]})", "[2001:db8::1]:8448"));
}

TEST(ServerAcl, WhatIsNoServerNameIsNotAdmitted) {
  EXPECT_FALSE(allows(R"({"allow":["*"]})", ""));
  EXPECT_FALSE(allows(R"({"allow":["*"]})", "a b"));
  EXPECT_FALSE(allows(R"({"allow":["*"]})", "evil.com:port"));
}

TEST(ThirdPartyId, EmailAddressesAreFolded) {
  EXPECT_EQ(canonical_email("bob@Example.com"), "bob@example.com");
  EXPECT_EQ(canonical_email("Strauß@Example.com"), "strauss@example.com");
  for (const char* bad :
       {"", "bob", "@example.com", "bob@", "a@b@c", "a b@example.com", "Bob <bob@example.com>",
        "mailto:bob@example.com", "MailTo:bob@example.com", "bob@example.com\n", "\xff@example.com"}) {
    EXPECT_FALSE(canonical_email(bad)) << bad;
  }
  EXPECT_FALSE(canonical_email(std::string(500, 'a') + "@b"));
}

TEST(ThirdPartyId, TelephoneNumbersAreDigits) {
  EXPECT_EQ(canonical_msisdn("447700900123"), "447700900123");
  EXPECT_EQ(canonical_msisdn("+44 (7700) 900-123"), "447700900123");
  for (const char* bad :
       {"", "+", "123", "07700900123", "1234567890123456", "44+7700900123", "44x7700900123"}) {
    EXPECT_FALSE(canonical_msisdn(bad)) << bad;
  }
  EXPECT_EQ(canonical_third_party_id("msisdn", "+49 30 1234"), "49301234");
  EXPECT_FALSE(canonical_third_party_id("pigeon", "coo"));
}

TEST(Grammars, AreAsTheAppendicesSay) {
  EXPECT_TRUE(valid_namespaced_id("m.login.password"));
  EXPECT_TRUE(valid_namespaced_id("org.example-1_x"));
  for (const char* bad : {"", ".a", "1a", "A", "a b", "a/b"}) {
    EXPECT_FALSE(valid_namespaced_id(bad)) << bad;
  }
  EXPECT_FALSE(valid_namespaced_id(std::string(256, 'a')));
  EXPECT_TRUE(valid_opaque_id("0aZ-._~"));
  EXPECT_FALSE(valid_opaque_id(""));
  EXPECT_FALSE(valid_opaque_id("a:b"));
  EXPECT_FALSE(valid_opaque_id(std::string(256, 'a')));
  EXPECT_TRUE(valid_room_version_name("org.example-1"));
  EXPECT_FALSE(valid_room_version_name(std::string(33, '1')));
  EXPECT_FALSE(valid_room_version_name("V1"));
  EXPECT_TRUE(valid_server_key_id("ed25519:a_1B"));
  EXPECT_FALSE(valid_server_key_id("ed25519:a-1"));
  EXPECT_FALSE(valid_server_key_id("ed25519:"));
  EXPECT_EQ(split_key_id("signed_curve25519:AAAAHg")->name, "AAAAHg");
  EXPECT_FALSE(split_key_id("nocolon"));
}

}  // namespace
