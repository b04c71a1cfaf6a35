// SPDX-License-Identifier: Apache-2.0
#include <config/document.hpp>

#include <gtest/gtest.h>

#include <string>

namespace lares::config {
namespace {

Node parse(std::string_view text, const DocumentLimits& limits = {}) {
  auto node = parse_document(text, 0, "a.yaml", limits);
  EXPECT_TRUE(node) << (node ? "" : to_string(node.error()));
  return node ? std::move(*node) : Node{};
}

std::string failure(std::string_view text, const DocumentLimits& limits = {}) {
  const auto node = parse_document(text, 0, "a.yaml", limits);
  return node ? "no error" : to_string(node.error());
}

TEST(Document, KeepsTextAndLineOfEachValue) {
  const Node root = parse("a: 1\nb:\n  - x\n  - 'y'\n");
  ASSERT_EQ(root.kind, Node::Kind::Mapping);
  EXPECT_EQ(root.find("a")->value.text, "1");
  EXPECT_EQ(root.find("a")->key_mark.line, 1);
  const Node& list = root.find("b")->value;
  ASSERT_EQ(list.items.size(), 2U);
  EXPECT_EQ(list.items[1].mark.line, 4);
  EXPECT_FALSE(list.items[0].quoted);
  EXPECT_TRUE(list.items[1].quoted);
}

TEST(Document, ReadsAnEmptyTextAsNothing) {
  EXPECT_EQ(parse("").kind, Node::Kind::Null);
  EXPECT_EQ(parse("# only a comment\n").kind, Node::Kind::Null);
  EXPECT_EQ(parse("\xEF\xBB\xBF").kind, Node::Kind::Null);
}

TEST(Document, NamesBothLinesOfADuplicateKey) {
  EXPECT_EQ(failure("a: 1\nb: 2\na: 3\n"),
            "a.yaml:3: error: the key \"a\" stands here and in line 1; remove one of them");
  EXPECT_EQ(failure("x:\n  k: 1\n  k: 2\n"),
            "a.yaml:3: error: the key \"k\" stands here and in line 2; remove one of them");
}

TEST(Document, ExpandsAliasesAndMergeKeys) {
  const Node root = parse("base: &base {a: 1, b: 2}\nuser:\n  <<: *base\n  b: 3\ncopy: *base\n");
  const Node& user = root.find("user")->value;
  EXPECT_EQ(user.find("a")->value.text, "1");
  EXPECT_EQ(user.find("b")->value.text, "3");
  EXPECT_EQ(user.find("<<"), nullptr);
  EXPECT_EQ(root.find("copy")->value.find("b")->value.text, "2");
}

TEST(Document, RefusesAMergeOfSomethingElseThanAMapping) {
  EXPECT_EQ(failure("a:\n  <<: 3\n"), "a.yaml:2: error: \"<<\" takes a mapping, or a list of them");
}

TEST(Document, RefusesAliasesThatGrowWithoutBound) {
  std::string bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string n = std::to_string(i);
    const std::string p = "*l" + std::to_string(i - 1);
    bomb += "l" + n + ": &l" + n + " [" + p + "," + p + "," + p + "," + p + "," + p + "," + p + "," + p +
            "," + p + "]\n";
  }
  EXPECT_EQ(failure(bomb), "a.yaml:6: error: more than 200000 values, aliases counted each time");
}

TEST(Document, RefusesAliasesOfALargeTextThatGrowWithoutBound) {
  std::string bomb = "t: &t \"" + std::string(100'000, 'x') + "\"\nl: [*t";
  for (int i = 0; i < 1000; ++i) {
    bomb += ", *t";
  }
  EXPECT_EQ(failure(bomb + "]\n"),
            "a.yaml:2: error: more than 16777216 bytes of values, aliases counted each time");
}

TEST(Document, RefusesAnAliasOfWhatItStandsIn) {
  EXPECT_EQ(failure("a: &a [*a]\n"), "a.yaml:1: error: an alias refers to a value that contains it");
}

TEST(Document, RefusesWhatIsNestedTooDeep) {
  EXPECT_EQ(failure(std::string(65, '[') + std::string(65, ']')),
            "a.yaml:1: error: nested more than 64 levels deep");
  EXPECT_NE(failure(std::string(100'000, '[')), "no error");
  EXPECT_NE(failure(std::string(100'000, '{')), "no error");
  std::string aliases = "a: &a [[[[x]]]]\n";
  EXPECT_EQ(failure(aliases + "b: [[[[*a]]]]\n", {.depth = 8}),
            "a.yaml:2: error: nested more than 8 levels deep");
}

TEST(Document, RefusesWhatIsTooLarge) {
  EXPECT_EQ(failure("a: 12345\n", {.bytes = 4}), "a.yaml: error: larger than 4 bytes");
}

TEST(Document, RefusesWhatIsNoUtf8Text) {
  EXPECT_EQ(failure("a: 1\nb: \xFF\n"),
            "a.yaml:2: error: a byte that is not UTF-8 (0xFF); the file has to be text in UTF-8");
  EXPECT_EQ(failure(std::string_view("a: \0", 4)),
            "a.yaml:1: error: a control character (0x00); the file has to be text in UTF-8");
  EXPECT_NE(failure("a: \xED\xA0\x80"), "no error");
  EXPECT_NE(failure("a: \xC0\xAF"), "no error");
  EXPECT_NE(failure("a: \xF0\x9F\x98"), "no error");
  EXPECT_EQ(parse("a: \xF0\x9F\x98\x80").find("a")->value.text, "\xF0\x9F\x98\x80");
}

TEST(Document, SaysWhatIsWrongWithBrokenYaml) {
  EXPECT_NE(failure("a: [1, 2\n").find("a.yaml:"), std::string::npos);
  EXPECT_EQ(failure("a:\n\t- b\n"), "a.yaml:2: error: a tab stands where YAML allows spaces only");
  EXPECT_EQ(failure("a: 1\n---\nb: 2\n"),
            "a.yaml: error: holds two documents (\"---\"); one file is one document");
  EXPECT_NE(failure("a: *nothing\n"), "no error");
  EXPECT_EQ(failure("[a, b]: 1\n"), "a.yaml:1: error: a key has to be a plain name");
}

TEST(Document, RefusesTagsThatMeanNothingHere) {
  const std::string expected =
      "what begins with \"!\" is a tag, which means nothing here: remove it, or put the value into quotation "
      "marks if it is a text";
  EXPECT_EQ(failure("a: !!python/object:os.system x\n"), "a.yaml:1: error: " + expected);
  EXPECT_TRUE(parse("a: !!str 12\n").find("a")->value.quoted);
  EXPECT_FALSE(parse("a: !!int 12\n").find("a")->value.quoted);
}

TEST(Document, ShowsNoPasswordThatLooksLikeYaml) {
  for (const auto* text : {"password: !hush/2\n", "password: *hush\n", "a: {password: [hush, !hush x]}\n",
                           "password=hush: 1\npassword=hush: 2\n", "{password:hush: 1, password:hush: 2}\n",
                           "password: &hush\n  - %\"hush\\q\n", "password: \"hu\\qsh\"\n"}) {
    const std::string said = failure(text);
    EXPECT_NE(said, "no error") << text;
    EXPECT_EQ(said.find("hush"), std::string::npos) << said;
  }
}

TEST(Document, SaysWhereAQuotationMarkIsOpenedAndNeverClosed) {
  const std::string expected = "a quotation mark is opened here and never closed";
  EXPECT_EQ(failure("a: 1\nurl: \"https://x/\nb: 2\n"), "a.yaml:2: error: " + expected);
  EXPECT_EQ(failure("secret: 'abc"), "a.yaml:1: error: " + expected);
  EXPECT_EQ(failure("a:\n- 'x\n- y\n"), "a.yaml:2: error: " + expected);
  EXPECT_EQ(failure("a: \"x\\"), "a.yaml:1: error: " + expected);
}

TEST(Document, ReadsEveryOtherEndOfAFileAsBefore) {
  EXPECT_EQ(parse("a: x").find("a")->value.text, "x");
  EXPECT_EQ(parse("a: 'x'  # said").find("a")->value.text, "x");
  EXPECT_EQ(parse("a: |\n  x\n").find("a")->value.text, "x\n");
  EXPECT_EQ(parse("a: >-\n  x\n  y").find("a")->value.text, "x y");
  EXPECT_EQ(parse("a: x\n...\n").find("a")->value.text, "x");
  EXPECT_EQ(parse("a:").find("a")->value.kind, Node::Kind::Null);
}

}  // namespace
}  // namespace lares::config
