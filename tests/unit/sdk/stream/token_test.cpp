// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/token.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>

namespace lares::stream {
namespace {

using Ahead = StreamPosition::Ahead;

TEST(StreamPosition, AWriterThatIsNotNamedStandsAtTheMinimum) {
  const StreamPosition position{10, {{7, 14}, {3, 12}}};
  EXPECT_EQ(position.of(1), 10);
  EXPECT_EQ(position.of(3), 12);
  EXPECT_EQ(position.of(7), 14);
  EXPECT_EQ(position.maximum(), 14);
  EXPECT_EQ(StreamPosition{5}.maximum(), 5);
}

TEST(StreamPosition, CoversWhatLiesBelowTheMinimumOrTheWritersOwnPosition) {
  const StreamPosition position{10, {{3, 12}}};
  EXPECT_TRUE(position.covers(1, 10));
  EXPECT_FALSE(position.covers(1, 11));
  EXPECT_TRUE(position.covers(3, 12));
  EXPECT_FALSE(position.covers(3, 13));
}

TEST(StreamPosition, ReachesAnotherWhenItCoversAllOfIt) {
  EXPECT_TRUE(StreamPosition{5}.reaches(StreamPosition{}));
  EXPECT_TRUE(StreamPosition{5}.reaches(StreamPosition{5}));
  EXPECT_FALSE(StreamPosition{5}.reaches(StreamPosition{6}));
  EXPECT_FALSE(StreamPosition{5}.reaches({4, {{1, 7}}}));
  EXPECT_FALSE((StreamPosition{5, {{2, 9}}}).reaches({4, {{1, 7}}}));
  EXPECT_TRUE((StreamPosition{5, {{1, 7}}}).reaches({4, {{1, 7}}}));
  EXPECT_FALSE((StreamPosition{5, {{1, 7}}}).reaches(StreamPosition{7}));
}

TEST(StreamPosition, KeepsWhoIsAheadOnceByNumber) {
  const StreamPosition position{10, {{7, 14}, {3, 11}, {5, 10}, {4, 2}, {3, 12}, {3, 11}}};
  EXPECT_EQ(position.ahead(), (std::vector<Ahead>{{3, 12}, {7, 14}}));
}

TEST(Token, TheBeginningIsTheFormatAlone) {
  EXPECT_EQ(Token{}.text(), "1");
  EXPECT_EQ(Token::parse("1"), Token{});
}

TEST(Token, IsReadBackAsItWasWritten) {
  Token token;
  token.set(StreamNumber::kEvents, {1234, {{3, 1240}, {1, 1239}}});
  token.set(StreamNumber::kAccountData, std::numeric_limits<std::int64_t>::max());
  token.set(StreamNumber::kStickyEvents, {0, {{std::numeric_limits<WriterNumber>::max(), 9}}});
  EXPECT_EQ(token.text(), "1.1-1234~1-1239~3-1240.4-9223372036854775807.11-0~4294967295-9");
  const auto read = Token::parse(token.text());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, token);
  EXPECT_EQ(read->at(StreamNumber::kEvents), token.at(StreamNumber::kEvents));
}

TEST(Token, CoversRowsOfWritersThatAreAhead) {
  const auto token = Token::parse("1.1-10~3-12.5-77");
  ASSERT_TRUE(token);
  EXPECT_TRUE(token->covers(StreamNumber::kEvents, 1, 10));
  EXPECT_FALSE(token->covers(StreamNumber::kEvents, 1, 11));
  EXPECT_TRUE(token->covers(StreamNumber::kEvents, 3, 12));
  EXPECT_FALSE(token->covers(StreamNumber::kEvents, 3, 13));
  EXPECT_FALSE(token->covers(StreamNumber::kToDevice, 3, 78));
  EXPECT_EQ(token->minimum(StreamNumber::kToDevice), 77);
  EXPECT_EQ(token->minimum(StreamNumber::kTyping), 0);
}

TEST(Token, SettingAStreamAnewForgetsItsWritersAhead) {
  Token token;
  token.set(StreamNumber::kEvents, {10, {{3, 12}}});
  token.set(StreamNumber::kTyping, {1, {{2, 5}}});
  token.set(StreamNumber::kEvents, 11);
  EXPECT_EQ(token.text(), "1.1-11.2-1~2-5");
}

TEST(Token, RefusesWhatIsNoTokenOfThisServer) {
  for (const std::string_view text : {"",
                                      "0",
                                      "2",
                                      "2.1-5",
                                      "s72594_4483_1934",
                                      "h12-345",
                                      "1.",
                                      "1.1",
                                      "1.1-",
                                      "1.-5",
                                      "1-5",
                                      "1.1-5.",
                                      "1.1-5~",
                                      "1.1-5~3",
                                      "1.1-5~3-",
                                      "1.1-5~-7",
                                      "1.1-5 ",
                                      " 1.1-5",
                                      "1.1-5x",
                                      "1.1--5",
                                      "1.1--0",
                                      "1.1-+5",
                                      "1.-1-5",
                                      "1.1-5~-3-7",
                                      "1.1-5~3--7",
                                      "1.0-5",
                                      "1.256-5",
                                      "1.4294967297-5",
                                      "1.1-9223372036854775808",
                                      "1.1-5~4294967296-7",
                                      "1.1-5~3-9223372036854775808",
                                      "1..1-5",
                                      "1.1-5,2-6",
                                      "1.1-0x5",
                                      "11",
                                      "null",
                                      "\xff\xfe"}) {
    EXPECT_FALSE(Token::parse(text)) << text;
  }
  EXPECT_FALSE(Token::parse(std::string_view{"1.1-5\0", 6}));
}

TEST(Token, RefusesWhatIsTooLong) {
  std::string writers = "1.1-5";
  for (int i = 1; i <= 64; ++i) {
    writers += "~" + std::to_string(i) + "-9";
  }
  EXPECT_TRUE(Token::parse(writers));
  EXPECT_FALSE(Token::parse(writers + "~65-9"));
  std::string streams = "1";
  while (streams.size() + 4 <= 1024) {
    streams += ".1-5";
  }
  EXPECT_TRUE(Token::parse(streams));
  EXPECT_FALSE(Token::parse(streams + ".1-5"));
  EXPECT_FALSE(Token::parse("1.1-" + std::string(5000, '1')));
}

TEST(Token, PassesOverStreamsThatANewerReleaseHas) {
  const auto token = Token::parse("1.1-5.12-99~3-100.255-7.5-6");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->text(), "1.1-5.5-6");
}

TEST(Token, OfAWriterThatIsNamedTwiceTheHigherPositionStands) {
  const auto token = Token::parse("1.1-5~3-9~3-7~3-8");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->text(), "1.1-5~3-9");
}

TEST(Token, IsCutToThePresent) {
  const Token present = *Token::parse("1.1-100~3-110.4-20");
  bool cut = false;
  EXPECT_EQ(Token::parse("1.1-90~3-105.4-20")->limited_to(present, cut).text(), "1.1-90~3-105.4-20");
  EXPECT_FALSE(cut);
  EXPECT_EQ(Token::parse("1.1-200")->limited_to(present, cut).text(), "1.1-110");
  EXPECT_TRUE(cut);
  cut = false;
  EXPECT_EQ(Token::parse("1.1-90~3-500")->limited_to(present, cut).text(), "1.1-90~3-110");
  EXPECT_TRUE(cut);
  cut = false;
  EXPECT_EQ(Token::parse("1.1-90.5-3")->limited_to(present, cut).text(), "1.1-90");
  EXPECT_TRUE(cut);
}

TEST(Token, OfTwoPlacesCoversWhatEitherCovers) {
  const Token behind_in_one = *Token::parse("1.1-90~3-120.4-20");
  const Token behind_in_another = *Token::parse("1.1-100~5-110.4-30.7-2");
  EXPECT_EQ(Token::later_of(behind_in_one, behind_in_another).text(), "1.1-100~3-120~5-110.4-30.7-2");
  EXPECT_EQ(Token::later_of(behind_in_another, behind_in_one).text(), "1.1-100~3-120~5-110.4-30.7-2");
  EXPECT_EQ(Token::later_of(behind_in_one, Token{}).text(), behind_in_one.text());
}

}  // namespace
}  // namespace lares::stream
