// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/crypto/base64.hpp>
#include <lares/crypto/signed_json.hpp>

#include <string>

namespace {

using namespace lares::crypto;

/// The key of the specification's vectors (Appendices, "Cryptographic Test Vectors").
SigningKey vector_key() {
  Ed25519Seed seed{};
  EXPECT_TRUE(base64_decode_to(seed, "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"));
  return SigningKey{"1", seed};
}

TEST(SignedJson, AgreesWithTheSpecificationsVectors) {
  const SigningKey key = vector_key();
  EXPECT_EQ(
      sign_json("{}", "domain", key),
      R"({"signatures":{"domain":{"ed25519:1":"K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/)"
      R"(7Xg4ahLwYGYZzuHGZKM5ZAQ"}}})");
  EXPECT_EQ(
      sign_json(R"({ "two": "Two", "one": 1 })", "domain", key),
      R"({"one":1,"signatures":{"domain":{"ed25519:1":"KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/)"
      R"(fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"}},"two":"Two"})");
}

TEST(SignedJson, VerifiesWhatItSigned) {
  const SigningKey key = vector_key();
  const auto signed_text = sign_json(R"({"unsigned":{"age":4},"b":[1,2],"zz":"é"})", "example.org", key);
  ASSERT_TRUE(signed_text);
  EXPECT_EQ(verify_json(*signed_text, "example.org", "ed25519:1", key.public_key()), SignatureCheck::kValid);
  EXPECT_EQ(verify_json(*signed_text, "example.com", "ed25519:1", key.public_key()),
            SignatureCheck::kMissing);
  EXPECT_EQ(verify_json(*signed_text, "example.org", "ed25519:2", key.public_key()),
            SignatureCheck::kMissing);
}

TEST(SignedJson, CoversEverythingButUnsignedAndSignatures) {
  const SigningKey key = vector_key();
  std::string text = *sign_json(R"({"a":1,"unsigned":{"age":4}})", "x", key);
  const auto replace = [&](std::string_view from, std::string_view to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  EXPECT_EQ(verify_json(replace("\"age\":4", "\"age\":5"), "x", "ed25519:1", key.public_key()),
            SignatureCheck::kValid);
  EXPECT_EQ(verify_json(replace("\"a\":1", "\"a\":2"), "x", "ed25519:1", key.public_key()),
            SignatureCheck::kWrong);
  EXPECT_EQ(verify_json(R"({"signatures":{"x":{"ed25519:1":"AAAA"}}})", "x", "ed25519:1", key.public_key()),
            SignatureCheck::kMalformed);
  EXPECT_EQ(verify_json("[]", "x", "ed25519:1", key.public_key()), SignatureCheck::kNotJson);
}

TEST(SignedJson, KeepsSignaturesThatAreThere) {
  const SigningKey key = vector_key();
  const SigningKey second{"2", key.seed()};
  auto text = sign_json(R"({"a":1})", "b.example", key);
  text = sign_json(*text, "a.example", key);
  text = sign_json(*text, "b.example", second);
  ASSERT_TRUE(text);
  EXPECT_EQ(verify_json(*text, "b.example", "ed25519:1", key.public_key()), SignatureCheck::kValid);
  EXPECT_EQ(verify_json(*text, "b.example", "ed25519:2", key.public_key()), SignatureCheck::kValid);
  EXPECT_EQ(verify_json(*text, "a.example", "ed25519:1", key.public_key()), SignatureCheck::kValid);
}

TEST(SignedJson, RefusesToSignWhatIsNoObject) {
  const SigningKey key = vector_key();
  EXPECT_FALSE(sign_json("[]", "x", key));
  EXPECT_FALSE(sign_json(R"({"a":1,"a":2})", "x", key));
  EXPECT_FALSE(sign_json(R"({"signatures":[]})", "x", key));
  EXPECT_FALSE(sign_json(R"({"signatures":{"x":1}})", "x", key));
}

}  // namespace
