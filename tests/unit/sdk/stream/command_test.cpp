// SPDX-License-Identifier: Apache-2.0
#include <lares/stream/command.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

namespace lares::stream {
namespace {

template <class Kind>
Kind read(std::string_view line) {
  auto command = parse_command(line);
  EXPECT_TRUE(command) << line << ": " << (command ? "" : command.error());
  if (!command || !std::holds_alternative<Kind>(*command)) {
    ADD_FAILURE() << line;
    return {};
  }
  return std::get<Kind>(std::move(*command));
}

TEST(ReplicationCommand, ARowIsReadBackAsItWasWritten) {
  const std::string line = format_rdata("events", "worker1", 53, R"(["ev", ["a b", 1]])");
  EXPECT_EQ(line, R"(RDATA events worker1 53 ["ev", ["a b", 1]])");
  const auto row = read<RdataCommand>(line);
  EXPECT_EQ(row.stream, "events");
  EXPECT_EQ(row.instance, "worker1");
  EXPECT_EQ(row.token, 53);
  EXPECT_EQ(row.row, R"(["ev", ["a b", 1]])");
}

TEST(ReplicationCommand, ARowOfABatchHasNoToken) {
  const std::string line = format_rdata("typing", "master", std::nullopt, "[1]");
  EXPECT_EQ(line, "RDATA typing master batch [1]");
  EXPECT_EQ(read<RdataCommand>(line).token, std::nullopt);
}

TEST(ReplicationCommand, APositionIsReadBackAsItWasWritten) {
  const std::string line = format_position("events", "master", 7, 9223372036854775807);
  EXPECT_EQ(line, "POSITION events master 7 9223372036854775807");
  const auto position = read<PositionCommand>(line);
  EXPECT_EQ(position.stream, "events");
  EXPECT_EQ(position.instance, "master");
  EXPECT_EQ(position.previous, 7);
  EXPECT_EQ(position.current, 9223372036854775807);
}

TEST(ReplicationCommand, AListOfWritersIsReadBackAsItWasWritten) {
  const std::string line = format_writers("events", "master", 7);
  EXPECT_EQ(line, "WRITERS events master 7");
  const auto writers = read<WritersCommand>(line);
  EXPECT_EQ(writers.stream, "events");
  EXPECT_EQ(writers.instance, "master");
  EXPECT_EQ(writers.list, 7);
  for (const char* wrong :
       {"WRITERS", "WRITERS events", "WRITERS events master", "WRITERS events master -1"}) {
    EXPECT_FALSE(parse_command(wrong)) << wrong;
  }
}

TEST(ReplicationCommand, ReplicateStandsAlone) {
  static_cast<void>(read<ReplicateCommand>("REPLICATE"));
}

TEST(ReplicationCommand, WhatANewerReleaseAddsIsKeptApart) {
  const auto other = read<OtherCommand>("USER_SYNC worker1 @a:b start 5");
  EXPECT_EQ(other.name, "USER_SYNC");
  EXPECT_EQ(other.arguments, "worker1 @a:b start 5");
  EXPECT_EQ(read<OtherCommand>("rdata events master 5 []").name, "rdata");
}

TEST(ReplicationCommand, RefusesWhatCannotBeRead) {
  for (const std::string_view line : {"",
                                      " ",
                                      " RDATA events master 5 []",
                                      "RDATA",
                                      "RDATA events",
                                      "RDATA events master",
                                      "RDATA events master 5",
                                      "RDATA events master 5 ",
                                      "RDATA events master x []",
                                      "RDATA events master 5x []",
                                      "RDATA events master -5 []",
                                      "RDATA events master  []",
                                      "RDATA  master 5 []",
                                      "RDATA events  5 []",
                                      "RDATA events master 9223372036854775808 []",
                                      "POSITION",
                                      "POSITION events master",
                                      "POSITION events master 5",
                                      "POSITION events master 5 x",
                                      "POSITION events master batch 5",
                                      "POSITION  master 5 6",
                                      "POSITION events  5 6",
                                      "POSITION events master -1 6",
                                      "POSITION events master 5 9223372036854775808"}) {
    const auto command = parse_command(line);
    ASSERT_FALSE(command) << line;
    EXPECT_FALSE(command.error().empty());
    EXPECT_LT(command.error().size(), 400U);
  }
}

TEST(ReplicationCommand, RefusesWhatIsNotTextAndRepeatsNothingOfIt) {
  for (const std::string_view line : {"RDATA events master 5 [\"\xff\"]", "NEWS \xc3", "NEWS\t5", "\x01",
                                      "RDATA events master 5 [\n]", "REPLICATE \x1b[2J"}) {
    const auto command = parse_command(line);
    ASSERT_FALSE(command) << line;
    EXPECT_TRUE(command.error().starts_with("The command ")) << command.error();
  }
  EXPECT_TRUE(parse_command("RDATA presence master 5 [\"\u00e9 \x7f\"]"));
  const std::string cut = "RDATA events master x" + std::string(178, ' ') + "\u00e9";
  EXPECT_EQ(parse_command(cut).error().back(), ' ');
}

TEST(ReplicationCommand, KnowsTheCommandsOfTheWire) {
  EXPECT_TRUE(is_command_name("RDATA"));
  EXPECT_TRUE(is_command_name("LOCK_RELEASED"));
  EXPECT_FALSE(is_command_name("GET"));
  EXPECT_FALSE(is_command_name(""));
}

TEST(ReplicationCommand, RefusesWhatIsTooLong) {
  const std::string row(kLongestCommand, ' ');
  EXPECT_FALSE(parse_command("RDATA events master 5 " + row));
  EXPECT_FALSE(parse_command("NEW " + row));
  EXPECT_TRUE(parse_command("NEW " + row.substr(4)));
  const auto refused = parse_command("RDATA events master x " + row.substr(100));
  ASSERT_FALSE(refused);
  EXPECT_LT(refused.error().size(), 400U);
}

}  // namespace
}  // namespace lares::stream
