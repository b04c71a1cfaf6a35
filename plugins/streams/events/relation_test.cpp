// SPDX-License-Identifier: Apache-2.0
#include "relation.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lares::events {
namespace {

std::optional<Relation> read(const char* relates_to) {
  const std::string content = R"({"body":"x","m.relates_to":)" + std::string{relates_to} + "}";
  return relation_of(json::Value{content});
}

TEST(RelationOf, ReadsTypeTargetAndKey) {
  const auto relation = read(R"({"rel_type":"m.annotation","event_id":"$a","key":"\ud83d\udc4d"})");
  ASSERT_TRUE(relation);
  EXPECT_EQ(relation->rel_type, "m.annotation");
  EXPECT_EQ(relation->event_id, "$a");
  EXPECT_EQ(relation->key, "\xf0\x9f\x91\x8d");
}

TEST(RelationOf, TakesAPlainReplyAsOneWithoutType) {
  const auto relation = read(R"({"m.in_reply_to":{"event_id":"$b"}})");
  ASSERT_TRUE(relation);
  EXPECT_EQ(relation->rel_type, "");
  EXPECT_EQ(relation->event_id, "$b");
}

TEST(RelationOf, PassesOverWhatItCannotUnderstand) {
  EXPECT_FALSE(relation_of(json::Value{std::string_view{R"({"body":"x"})"}}));
  for (const char* relates : {"[]", "5", "null", "{}", R"({"rel_type":"m.thread"})", R"({"event_id":"$a"})",
                              R"({"rel_type":"m.thread","event_id":5})", R"({"rel_type":"x","event_id":""})",
                              R"({"m.in_reply_to":"$a"})"}) {
    EXPECT_FALSE(read(relates)) << relates;
  }
  const std::string long_type = R"({"event_id":"$a","rel_type":")" + std::string(300, 'x') + "\"}";
  EXPECT_FALSE(read(long_type.c_str()));
}

TEST(RelationOf, AnAnnotationWithAKeyTooLongToIndexIsNone) {
  const auto annotate = [](std::size_t length) {
    return R"({"m.relates_to":{"event_id":"$a","rel_type":"m.annotation","key":")" +
           std::string(length, 'x') + "\"}}";
  };
  const std::string longest = annotate(500);
  EXPECT_TRUE(relation_of(json::Value{longest}));
  EXPECT_FALSE(has_oversized_key(json::Value{longest}));
  const std::string longer = annotate(501);
  EXPECT_FALSE(relation_of(json::Value{longer}));
  EXPECT_TRUE(has_oversized_key(json::Value{longer}));
}

}  // namespace
}  // namespace lares::events
