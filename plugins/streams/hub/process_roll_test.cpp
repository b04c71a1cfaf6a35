// SPDX-License-Identifier: Apache-2.0
#include "process_roll.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace lares::hub {
namespace {

Listed process(std::string name, std::int64_t started_ts, std::vector<std::string> events) {
  return {.name = std::move(name),
          .host = "host1",
          .pid = 7,
          .started_ts = started_ts,
          .writers = {{"events", std::move(events)}}};
}

WriterLists events(std::vector<std::string> writers) {
  return {{"events", std::move(writers)}};
}

TEST(ProcessRoll, WhoAgreesMayStart) {
  EXPECT_FALSE(disagreement("reader", events({"a", "b"}), {}, {process("a", 5, {"a", "b"})}));
  EXPECT_FALSE(disagreement("a", events({"a"}), {}, {}));
}

TEST(ProcessRoll, WhoDoesNotWriteAgreesWithWhoWrites) {
  const auto refused = disagreement("reader", events({"b"}), {}, {process("a", 1'700'000'000'000, {"a"})});
  ASSERT_TRUE(refused);
  for (const char* part : {"stream_writers.events", "[b]", "reader", "[a]", "the process a", "host1", "7",
                           "2023-11-14 22:13:20 UTC", "restart first those that write the stream"}) {
    EXPECT_NE(refused->find(part), std::string::npos) << part << " in: " << *refused;
  }
}

TEST(ProcessRoll, WhoDoesNotWriteEitherIsNotAsked) {
  EXPECT_FALSE(disagreement("reader", events({"b"}), {}, {process("other reader", 5, {"a"})}));
}

TEST(ProcessRoll, AWriterByTheNewListTakesOver) {
  EXPECT_FALSE(disagreement("b", events({"b"}), {}, {process("a", 5, {"a"})}));
  EXPECT_FALSE(disagreement("b", events({"a", "b"}), process("b", 3, {"b"}), {process("a", 5, {"a"})}));
}

TEST(ProcessRoll, AWriterThatComesAgainWithTheListThatAnotherLeftBehindDoesNotTakeItBack) {
  const auto refused =
      disagreement("a", events({"a"}), process("a", 3, {"a"}), {process("b", 5, {"a", "b"})});
  ASSERT_TRUE(refused);
  EXPECT_NE(refused->find("was changed since a ran last"), std::string::npos) << *refused;
  EXPECT_FALSE(disagreement("a", events({"a", "b"}), process("a", 3, {"a"}), {process("b", 5, {"a", "b"})}));
}

TEST(ProcessRoll, AWriterMayComeAgainWhileOneThatRanBeforeHasAnOlderList) {
  EXPECT_FALSE(disagreement("b", events({"a", "b"}), process("b", 5, {"a", "b"}), {process("a", 3, {"a"})}));
}

TEST(ProcessRoll, AStreamThatTheOtherReleaseDoesNotKnowIsNoDisagreement) {
  Listed older = process("a", 5, {"a"});
  WriterLists own = events({"a"});
  own["news"] = {"b"};
  EXPECT_FALSE(disagreement("reader", own, {}, {older}));
  older.writers["former"] = {"a"};
  EXPECT_FALSE(disagreement("reader", own, {}, {older}));
}

TEST(ProcessRoll, ListsAreReadBackAndWhatIsNoListIsLeftOut) {
  const WriterLists lists{{"events", {"a", "b"}}, {"typing", {"master"}}};
  EXPECT_EQ(parse_writer_lists(to_text(lists)), lists);
  EXPECT_EQ(parse_writer_lists(R"({"events":["a"],"typing":"a","receipts":[1]})"), events({"a"}));
  EXPECT_TRUE(parse_writer_lists("no json").empty());
}

}  // namespace
}  // namespace lares::hub
