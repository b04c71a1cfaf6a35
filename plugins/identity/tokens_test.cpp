// SPDX-License-Identifier: Apache-2.0
#include "tokens.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace lares::identity {
namespace {

/// The same chance each time.
class Seeded final : public crypto::RandomSource {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      byte = static_cast<std::uint8_t>(state_ >> 56U);
    }
  }

 private:
  std::uint64_t state_ = 1;
};

TEST(Token, ShowsItsKind) {
  Seeded random;
  const std::string access = make_token(TokenKind::kAccess, random);
  const std::string refresh = make_token(TokenKind::kRefresh, random);
  EXPECT_TRUE(access.starts_with("lst_")) << access;
  EXPECT_TRUE(refresh.starts_with("lrt_")) << refresh;
  EXPECT_EQ(access.size(), 4U + 30 + 1 + 6);
  EXPECT_TRUE(looks_like_token(TokenKind::kAccess, access));
  EXPECT_TRUE(looks_like_token(TokenKind::kRefresh, refresh));
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, refresh));
  EXPECT_FALSE(looks_like_token(TokenKind::kRefresh, access));
  EXPECT_FALSE(looks_like_token(TokenKind::kRefresh, "lrt" + access.substr(3)));
}

TEST(Token, IsDifferentEachTime) {
  Seeded random;
  std::set<std::string> tokens;
  for (int i = 0; i < 50; ++i) {
    tokens.insert(make_token(TokenKind::kAccess, random));
  }
  EXPECT_EQ(tokens.size(), 50U);
}

TEST(Token, IsRefusedWithoutALookupWhenACharacterIsWrong) {
  Seeded random;
  const std::string token = make_token(TokenKind::kAccess, random);
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string wrong = token;
    wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(looks_like_token(TokenKind::kAccess, wrong)) << wrong;
  }
}

TEST(Token, OtherTextsAreNone) {
  Seeded random;
  const std::string token = make_token(TokenKind::kAccess, random);
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, ""));
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, "lst_"));
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, token + "a"));
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, token.substr(0, token.size() - 1)));
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, " " + token.substr(1)));
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, "syt_YWxpY2U_cMTGzAlgbOOmlIyfMnyw_1jQpqK"));
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, std::string(41, '\0')));
  EXPECT_FALSE(looks_like_token(TokenKind::kAccess, std::string(100'000, 'a')));
}

TEST(Token, IsStoredAsItsHash) {
  const std::string hash = token_hash("abc");
  ASSERT_EQ(hash.size(), 32U);
  EXPECT_EQ(hash.substr(0, 6), "\xba\x78\x16\xbf\x8f\x01");
  EXPECT_NE(token_hash("abd"), hash);
}

}  // namespace
}  // namespace lares::identity
