// SPDX-License-Identifier: Apache-2.0
#include <ctl/arguments.hpp>

#include <gtest/gtest.h>

namespace lares::ctl {
namespace {

const std::vector<Option> kOptions = {{"--config-path", "-c", "PATH", ""}, {"--json", "", "", ""}};

auto parse(std::vector<std::string> arguments) {
  return parse_arguments(arguments, kOptions);
}

TEST(Arguments, TakeOptionsInEitherForm) {
  const auto parsed = parse({"-c", "a", "--config-path=b", "word", "--json", "--config-path", "c"});
  ASSERT_TRUE(parsed) << parsed.error();
  EXPECT_EQ(parsed->values("--config-path"), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(parsed->value("--config-path"), "c");
  EXPECT_TRUE(parsed->has("--json"));
  EXPECT_EQ(parsed->words(), std::vector<std::string>{"word"});
  EXPECT_EQ(parsed->value("--other"), std::nullopt);
}

TEST(Arguments, AreWordsBehindTwoDashes) {
  EXPECT_EQ(parse({"--", "--json", "-c"})->words(), (std::vector<std::string>{"--json", "-c"}));
}

TEST(Arguments, SayWhatMakesNoSense) {
  EXPECT_EQ(parse({"--jsn"}).error(), "there is no option --jsn; did you mean --json?");
  EXPECT_EQ(parse({"-x"}).error(), "there is no option -x");
  EXPECT_EQ(parse({"--json=yes"}).error(), "--json takes no value");
  EXPECT_EQ(parse({"-c"}).error(), "--config-path needs a PATH after it");
}

}  // namespace
}  // namespace lares::ctl
