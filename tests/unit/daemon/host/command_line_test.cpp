// SPDX-License-Identifier: Apache-2.0
#include <host/command_line.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace lares::host {
namespace {

using Action = CommandLine::Action;

std::expected<CommandLine, std::string> parse(std::vector<const char*> arguments) {
  return parse_command_line(arguments);
}

TEST(CommandLine, TakesConfigurationPathsInOrder) {
  const auto result = parse({"-c", "/a.yaml", "--config-path=/b", "--config-path", "/c.yaml"});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->action, Action::Run);
  EXPECT_EQ(result->config_paths, (std::vector<std::filesystem::path>{"/a.yaml", "/b", "/c.yaml"}));
}

TEST(CommandLine, KnowsItsActions) {
  EXPECT_EQ(parse({"--version"})->action, Action::Version);
  EXPECT_EQ(parse({"--list-plugins"})->action, Action::ListPlugins);
  EXPECT_EQ(parse({"--check-config", "-c", "x"})->action, Action::CheckConfig);
  EXPECT_EQ(parse({"--generate-keys", "-c", "x"})->action, Action::GenerateKeys);
  const auto check = parse({"--check-plugin", "/x.so"});
  EXPECT_EQ(check->action, Action::CheckPlugin);
  EXPECT_EQ(check->plugin, "/x.so");
}

TEST(CommandLine, KnowsWhetherFilesMayHoldSecrets) {
  EXPECT_TRUE(parse({"-c", "x"})->inline_secrets);
  EXPECT_FALSE(parse({"--no-secrets-in-config", "-c", "x"})->inline_secrets);
}

TEST(CommandLine, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(parse({"--frobnicate"}).error(), "The argument --frobnicate is unknown. See laresd --help.");
  EXPECT_EQ(parse({"-c"}).error(), "-c needs a path after it.");
  EXPECT_EQ(parse({"--version=2"}).error(), "--version takes no value.");
  EXPECT_EQ(parse({"--version", "--help"}).error(), "--help cannot be combined with what stands before it.");
}

TEST(CommandLine, RunsOnlyWithAConfiguration) {
  EXPECT_FALSE(parse({}));
  EXPECT_FALSE(parse({"--check-config"}));
  EXPECT_TRUE(parse({"--list-plugins"}));
}

}  // namespace
}  // namespace lares::host
