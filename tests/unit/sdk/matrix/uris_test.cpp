// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/matrix/uris.hpp>

namespace {

using namespace lares::matrix;

TEST(MxcUri, HasAServerAndAnOpaqueId) {
  const auto uri = MxcUri::parse("mxc://example.org:8448/abc_DEF-1");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->server, "example.org:8448");
  EXPECT_EQ(uri->media_id, "abc_DEF-1");
  EXPECT_EQ(uri->text(), "mxc://example.org:8448/abc_DEF-1");
}

TEST(MxcUri, RefusesWhatCouldBeTakenForAPath) {
  for (const char* bad :
       {"mxc://127.0.0.1/../../../some_service/etc/passwd", "mxc://a.example/", "mxc://a.example", "mxc:///x",
        "mxc://a.example/x/y", "mxc://a.example/x?y", "mxc://a.example/x.png", "http://a.example/x",
        "mxc://a example/x", "MXC://a.example/x", ""}) {
    EXPECT_FALSE(MxcUri::parse(bad)) << bad;
  }
}

struct Example {
  const char* scheme;
  const char* matrix_to;
  MatrixUri uri;
};

const Example kExamples[] = {
    {"matrix:r/somewhere:example.org",
     "https://matrix.to/#/%23somewhere:example.org",
     {.identifier = "#somewhere:example.org", .event_id = {}, .via = {}}},
    {"matrix:roomid/somewhere:example.org?via=elsewhere.ca",
     "https://matrix.to/#/!somewhere:example.org?via=elsewhere.ca",
     {.identifier = "!somewhere:example.org", .event_id = {}, .via = {"elsewhere.ca"}}},
    {"matrix:roomid/somewhere:example.org/e/event?via=elsewhere.ca",
     "https://matrix.to/#/%21somewhere%3Aexample.org/%24event?via=elsewhere.ca",
     {.identifier = "!somewhere:example.org", .event_id = "$event", .via = {"elsewhere.ca"}}},
    {"matrix:u/alice:example.org",
     "https://matrix.to/#/%40alice%3Aexample.org",
     {.identifier = "@alice:example.org", .event_id = {}, .via = {}}},
};

TEST(MatrixUri, ReadsTheExamplesOfTheSpecification) {
  for (const Example& example : kExamples) {
    EXPECT_EQ(MatrixUri::parse(example.scheme), example.uri) << example.scheme;
    EXPECT_EQ(MatrixUri::parse(example.matrix_to), example.uri) << example.matrix_to;
  }
  const auto chat = MatrixUri::parse("matrix:u/alice:example.org?action=chat");
  ASSERT_TRUE(chat);
  EXPECT_EQ(chat->action, MatrixUriAction::kChat);
}

TEST(MatrixUri, WhatItWritesItReads) {
  for (const Example& example : kExamples) {
    EXPECT_EQ(example.uri.scheme_text(), example.scheme);
    EXPECT_EQ(MatrixUri::parse(example.uri.matrix_to_text()), example.uri);
  }
  const MatrixUri odd{.identifier = "#a/b?c #d:example.org",
                      .event_id = "$e/f+g",
                      .via = {"a.example:8448", "[::1]:1"},
                      .action = MatrixUriAction::kJoin};
  EXPECT_EQ(MatrixUri::parse(odd.scheme_text()), odd);
  EXPECT_EQ(odd.matrix_to_text(),
            "https://matrix.to/#/%23a%2Fb%3Fc%20%23d%3Aexample.org/"
            "%24e%2Ff%2Bg?via=a.example:8448&via=[::1]:1");
}

TEST(MatrixUri, ReadsHistoricalForms) {
  EXPECT_EQ(MatrixUri::parse("matrix:user/alice:example.org")->identifier, "@alice:example.org");
  EXPECT_EQ(MatrixUri::parse("matrix:room/a:example.org")->identifier, "#a:example.org");
  EXPECT_EQ(MatrixUri::parse("matrix:roomid/a:example.org/event/x")->event_id, "$x");
  EXPECT_EQ(MatrixUri::parse("matrix://somebody/r/a:example.org#part")->identifier, "#a:example.org");
  EXPECT_EQ(MatrixUri::parse("https://matrix.to/#/#a:example.org")->identifier, "#a:example.org");
}

TEST(MatrixUri, AnActionIsForWhatItFits) {
  EXPECT_EQ(MatrixUri::parse("matrix:u/a:b?action=join")->action, MatrixUriAction::kNone);
  EXPECT_EQ(MatrixUri::parse("matrix:r/a:b?action=chat")->action, MatrixUriAction::kNone);
  EXPECT_EQ(MatrixUri::parse("matrix:r/a:b?x.y=z&action=join")->action, MatrixUriAction::kJoin);
}

TEST(MatrixUri, KeepsServersThatAreSome) {
  const auto uri = MatrixUri::parse("matrix:r/a:b?via=c&via=c&via=no%20name&via=d");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->via, (std::vector<std::string>{"c", "d"}));
}

TEST(MatrixUri, RefusesWhatIsNone) {
  for (const char* bad :
       {"", "matrix:", "matrix:u/", "matrix:u/alice", "matrix:x/a:b", "matrix:u/a:b/e/x", "matrix:r/a:b/x/y",
        "matrix:roomid/a:b/e/", "matrix:r/a%2:b", "matrix:r/a%ff:b", "https://matrix.to/#/",
        "https://matrix.to/a:b", "https://matrix.to/#/a:b", "https://matrix.to/#/@a:b/$x",
        "https://matrix.to/#/+group:b", "matrix:r/a:b?via=%zz"}) {
    EXPECT_FALSE(MatrixUri::parse(bad)) << bad;
  }
  EXPECT_FALSE(MatrixUri::parse("matrix:r/" + std::string(5000, 'a') + ":b"));
}

}  // namespace
