// SPDX-License-Identifier: Apache-2.0
#include "../../../../sdk/src/matrix/glob.hpp"

#include <gtest/gtest.h>
#include <lares/matrix/third_party_id.hpp>

#include <random>

namespace {

using lares::matrix::Glob;

// The obvious way to say what a pattern means: slow, and certainly right.
bool reference(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) {
    return text.empty();
  }
  if (pattern.front() == '*') {
    for (std::size_t skip = 0; skip <= text.size(); ++skip) {
      if (reference(pattern.substr(1), text.substr(skip))) {
        return true;
      }
    }
    return false;
  }
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) &&
         reference(pattern.substr(1), text.substr(1));
}

bool word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

bool reference_words(std::string_view pattern, std::string_view text) {
  for (std::size_t from = 0; from <= text.size(); ++from) {
    for (std::size_t to = from; to <= text.size(); ++to) {
      if ((from == 0 || !word(text[from - 1])) && (to == text.size() || !word(text[to])) &&
          reference(pattern, text.substr(from, to - from))) {
        return true;
      }
    }
  }
  return false;
}

TEST(Glob, AgreesWithTheObviousWay) {
  std::mt19937 random{7};
  constexpr std::string_view kPatternLetters = "ab*?_- ";
  constexpr std::string_view kTextLetters = "aab_- ";
  for (int i = 0; i < 60'000; ++i) {
    std::string pattern;
    std::string text;
    for (std::size_t n = random() % 7; n > 0; --n) {
      pattern += kPatternLetters[random() % kPatternLetters.size()];
    }
    for (std::size_t n = random() % 9; n > 0; --n) {
      text += kTextLetters[random() % kTextLetters.size()];
    }
    const Glob glob{pattern};
    ASSERT_EQ(glob.matches(text), reference(pattern, text)) << pattern << " | " << text;
    ASSERT_EQ(glob.matches_words(text), reference_words(pattern, text)) << pattern << " | " << text;
  }
}

TEST(Glob, LongPatternsCrossTheirWords) {
  std::string pattern;
  std::string text;
  for (int i = 0; i < 40; ++i) {
    pattern += "ab?*";
    text += "abcxx";
  }
  EXPECT_TRUE(Glob{pattern}.matches(text));
  EXPECT_TRUE(Glob{pattern}.matches_words("so " + text + " it is"));
  text[100] = 'z';
  EXPECT_FALSE(Glob{pattern}.matches(text));
  EXPECT_TRUE(Glob{std::string(1024, '?')}.matches(std::string(1024, 'x')));
  EXPECT_FALSE(Glob{std::string(1024, '?')}.matches(std::string(1023, 'x')));
  EXPECT_FALSE(Glob{std::string(1025, '?')}.matches(std::string(1025, 'x')));
}

TEST(Glob, AQuestionMarkIsACharacterAndNotAByte) {
  EXPECT_TRUE(Glob{"h?llo"}.matches("h\xc3\xa4llo"));
  EXPECT_TRUE(Glob{"?"}.matches("\xf0\x9f\x98\x80"));
  EXPECT_FALSE(Glob{"?"}.matches("\xf0\x9f\x98\x80!"));
  EXPECT_FALSE(Glob{"??"}.matches("\xf0\x9f\x98\x80"));
  EXPECT_TRUE(
      Glob{"?b"}.matches("\xe2\x82\xac"
                         "b"));
  EXPECT_TRUE(Glob{"?"}.matches_words("a \xe2\x82\xac b"));
}

TEST(Glob, LiteralsHaveNoWildcards) {
  EXPECT_TRUE(Glob::literal("what?").matches_words("well, what?"));
  EXPECT_FALSE(Glob::literal("what?").matches_words("well, whats"));
  EXPECT_TRUE(Glob::literal("*").matches("*"));
  EXPECT_FALSE(Glob::literal("*").matches("x"));
}

TEST(Glob, HostileTextsTakeLinearTime) {
  const std::string text(65'000, 'a');
  for (const std::string& pattern : {std::string(256, 'a') + "b", "*" + std::string(200, 'a') + "?b",
                                     std::string(100, '?') + "*b*a?a*c", std::string(31, 'a') + " "}) {
    const Glob glob{pattern};
    for (int i = 0; i < 20; ++i) {
      EXPECT_FALSE(glob.matches(text + "b!"));
      EXPECT_FALSE(glob.matches_words(text));
    }
  }
}

TEST(FoldCase, MakesTextsEqualThatDifferByCaseAlone) {
  using lares::matrix::fold_case;
  EXPECT_EQ(fold_case("HeLLo_1"), "hello_1");
  EXPECT_EQ(fold_case("ÄÖÜ ÉÇ Ÿ Ł Ž"), "äöü éç ÿ ł ž");
  EXPECT_EQ(fold_case("Straße STRASSE"), "strasse strasse");
  EXPECT_EQ(fold_case("ΣΊΣΥΦΟΣ Ώ"), "σίσυφοσ ώ");
  EXPECT_EQ(fold_case("σίσυφος"), "σίσυφοσ");
  EXPECT_EQ(fold_case("ПРИВЕТ Ё Ї Ґ"), "привет ё ї ґ");
  EXPECT_EQ(fold_case("ԱԲԳ Ạ ＡＢ 日本 😀"), "աբգ ạ ａｂ 日本 😀");
  EXPECT_EQ(fold_case("\xff\xc3(\xe2\x82"), "\xff\xc3(\xe2\x82");
  // Of a Z and of an E with an accent, in more bytes than they take; and what no code point begins with.
  for (const std::string text :
       {"\xf0\x80\x81\x9a", "\xf8\x80\x81\x9a", "\xe0\x83\x89", "\xf0\x80\x83\x89", "\xf9\x80\x80\x80"}) {
    EXPECT_EQ(fold_case(text), text);
  }
  const std::string folded = fold_case("ŸŁĐŐ ẞ Ѵ Ԧ");
  EXPECT_EQ(fold_case(folded), folded);
}

}  // namespace
