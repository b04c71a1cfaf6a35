// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/crypto/base64.hpp>
#include <lares/crypto/ed25519.hpp>

#include <string>

namespace {

using namespace lares::crypto;

class CountingSource : public RandomSource {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) {
      byte = next_++;
    }
  }

 private:
  std::uint8_t next_ = 0;
};

TEST(Ed25519, VerifiesWhatItSignedAndNothingElse) {
  CountingSource random;
  const SigningKey key = SigningKey::generate("a_1", random);
  EXPECT_EQ(key.id(), "ed25519:a_1");
  EXPECT_EQ(key.version(), "a_1");
  Ed25519Signature signature = key.sign("message");
  EXPECT_TRUE(verify_ed25519(key.public_key(), "message", signature));
  EXPECT_FALSE(verify_ed25519(key.public_key(), "massage", signature));
  signature[3] ^= 1U;
  EXPECT_FALSE(verify_ed25519(key.public_key(), "message", signature));
  const SigningKey other = SigningKey::generate("a_2", random);
  EXPECT_FALSE(verify_ed25519(other.public_key(), "message", key.sign("message")));
}

TEST(Ed25519, ComesBackFromItsSeed) {
  CountingSource random;
  const SigningKey key = SigningKey::generate("1", random);
  const SigningKey again{"1", key.seed()};
  EXPECT_EQ(key.public_key(), again.public_key());
  EXPECT_EQ(parse_public_key(base64_encode(key.public_key())), key.public_key());
  EXPECT_FALSE(parse_public_key("c2hvcnQ"));
}

TEST(RandomText, UsesLettersAndDigitsAlone) {
  CountingSource random;
  const std::string text = random_alphanumeric(random, 500);
  EXPECT_EQ(text.size(), 500U);
  EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
            std::string::npos);
}

}  // namespace
