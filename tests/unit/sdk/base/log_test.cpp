// SPDX-License-Identifier: Apache-2.0
#include <lares/async/log_context.hpp>
#include <lares/base/log.hpp>
#include <lares/json/scanner.hpp>
#include <lares/json/value.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace lares::log {
/// Counts how often it is formatted.
struct Counted {
  int* formatted;
};
}  // namespace lares::log

template <>
struct fmt::formatter<lares::log::Counted> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <class Context>
  auto format(const lares::log::Counted& counted, Context& context) const {
    ++*counted.formatted;
    return context.out();
  }
};

namespace lares::log {
namespace {

class Lines : public Capture {
 public:
  void line(std::string_view text) override { all.emplace_back(text); }
  std::vector<std::string> all;
};

/// Captures what is logged, with all levels as they are before anyone configures them.
class LogTest : public ::testing::Test {
 protected:
  LogTest() { set_capture(&lines_); }
  ~LogTest() override {
    set_capture(nullptr);
    for (const auto& [name, level] : levels()) {
      if (!name.empty()) {
        set_level(name, std::nullopt);
      }
    }
  }
  Lines lines_;
  const Logger logger_{"test.part.one"};
};

/// A folder that goes with the test.
class LogFiles : public ::testing::Test {
 protected:
  LogFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lares-log-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~LogFiles() override {
    EXPECT_TRUE(configure({.root_level = Level::kWarning, .sinks = {{}}}));
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] static std::string read(const std::filesystem::path& path) {
    std::ifstream in{path};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  std::filesystem::path folder_;
};

TEST_F(LogTest, HumanLinesHaveTimeNameLineLevelRequestAndMessage) {
  const ContextScope scope{LogContext::create("GET-17", "hs")};
  const int line = __LINE__ + 1;
  logger_.warning("{} is {}", "x", 5);
  ASSERT_EQ(lines_.all.size(), 1U);
  const std::string& text = lines_.all[0];
  // 2026-11-20 18:44:22,123
  constexpr std::size_t kTime = 23;
  EXPECT_EQ(text[4], '-');
  EXPECT_EQ(text[19], ',');
  EXPECT_EQ(text.substr(kTime),
            " - test.part.one - " + std::to_string(line) + " - WARNING - GET-17 - x is 5");
}

TEST_F(LogTest, JsonLinesCarryTheFieldsOfTheRequest) {
  set_capture(&lines_, Layout::kTerseJson);
  const auto context = LogContext::create("GET-17", "hs");
  context->set_request({.request_id = "GET-17",
                        .ip_address = "192.0.2.1",
                        .site_tag = "8008",
                        .method = "GET",
                        .url = "/x?access_token=abc",
                        .protocol = "HTTP/1.1",
                        .user_agent = "a\"\xff"});
  context->set_requester("@a:hs", "@admin:hs");
  const ContextScope scope{context};
  logger_.error("say \"hello\"\n");
  ASSERT_EQ(lines_.all.size(), 1U);
  ASSERT_TRUE(json::scan(lines_.all[0], {.numbers = json::Numbers::kAny}));
  const json::Value record{lines_.all[0]};
  const auto field = [&record](std::string_view name) { return record[name].to_string().value_or("(none)"); };
  EXPECT_EQ(field("log"), "say \"hello\"\n");
  EXPECT_EQ(field("namespace"), "test.part.one");
  EXPECT_EQ(field("level"), "ERROR");
  EXPECT_EQ(field("request"), "GET-17");
  EXPECT_EQ(field("server_name"), "hs");
  EXPECT_EQ(field("ip_address"), "192.0.2.1");
  EXPECT_EQ(field("site_tag"), "8008");
  EXPECT_EQ(field("requester"), "@a:hs");
  EXPECT_EQ(field("authenticated_entity"), "@admin:hs");
  EXPECT_EQ(field("method"), "GET");
  EXPECT_EQ(field("url"), "/x?access_token=<redacted>");
  EXPECT_EQ(field("protocol"), "HTTP/1.1");
  EXPECT_EQ(field("user_agent"), "a\"\xef\xbf\xbd");
  EXPECT_TRUE(record["time"].as_double());
}

TEST_F(LogTest, ARecordOutsideOfAnyContextNamesTheSentinel) {
  logger_.warning("x");
  EXPECT_TRUE(lines_.all.at(0).ends_with(" - WARNING - sentinel - x"));
}

TEST_F(LogTest, TextFromOutsideMakesNoLinesOfItsOwn) {
  logger_.warning("a\nb\r\x1b[31m");
  EXPECT_TRUE(lines_.all.at(0).ends_with(" - a\\nb\\x0d\\x1b[31m"));
}

TEST_F(LogTest, LevelsAreInheritedAndChangeWhileRunning) {
  const Logger above{"test.part"};
  set_level("test", Level::kError);
  EXPECT_FALSE(logger_.enabled(Level::kWarning));
  set_level("test.part", Level::kDebug);
  EXPECT_TRUE(logger_.enabled(Level::kDebug));
  EXPECT_TRUE(above.enabled(Level::kDebug));
  set_level("test.part.one", Level::kOff);
  EXPECT_FALSE(logger_.enabled(Level::kCritical));
  EXPECT_TRUE(above.enabled(Level::kDebug));
  set_level("test.part", std::nullopt);
  EXPECT_FALSE(above.enabled(Level::kWarning));
  EXPECT_EQ(level_of("test.part.two"), Level::kError);
  EXPECT_EQ(Logger{"test.partial"}.enabled(Level::kWarning), false);
  EXPECT_EQ(Logger{"testing"}.enabled(Level::kWarning), true);
}

TEST_F(LogTest, NothingIsFormattedBelowTheLevel) {
  set_level("test", Level::kWarning);
  int formatted = 0;
  logger_.info("{}", Counted{&formatted});
  EXPECT_EQ(formatted, 0);
  logger_.error("{}", Counted{&formatted});
  EXPECT_EQ(formatted, 1);
}

TEST_F(LogTest, LevelsAreReadByName) {
  EXPECT_EQ(parse_level("debug"), Level::kDebug);
  EXPECT_EQ(parse_level("WARN"), Level::kWarning);
  EXPECT_EQ(parse_level("Critical"), Level::kCritical);
  EXPECT_EQ(parse_level("verbose"), std::nullopt);
}

// T7: no secret reaches a log, whichever sink it is.
TEST(LogRedaction, TakesSecretsOutOfEveryShapeTheyComeIn) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"GET /sync?access_token=abc&since=5", "GET /sync?access_token=<redacted>&since=5"},
      {"GET /x?since=5&client_secret=a.b-c_d HTTP/1.1", "GET /x?since=5&client_secret=<redacted> HTTP/1.1"},
      {"Authorization: Bearer abcdef123", "Authorization: Bearer <redacted>"},
      {"authorization: bearer abcdef123\r\n", "authorization: bearer <redacted>\r\n"},
      {R"({"access_token":"abc","user":"x"})", R"({"access_token":"<redacted>","user":"x"})"},
      {R"({"refresh_token": "abc"})", R"({"refresh_token": "<redacted>"})"},
      {R"("{\"access_token\":\"abc\"}")", R"("{\"access_token\":\"<redacted>\"}")"},
      {"token lst_0123456789abcdef_xyz was refused", "token <redacted> was refused"},
      {"token lst_-123456789abcdef was refused", "token <redacted> was refused"},
      {"syt_dXNlcg_AbCdEfGhIjKlMnOp_1a2b3c, and more", "<redacted>, and more"},
      {"url=%2Fsync%3Faccess_token%3Dabc", "url=%2Fsync%3Faccess_token%3D<redacted>"},
      {std::string(1000, 'e') + " earth, search, Bearer a",
       std::string(1000, 'e') + " earth, search, Bearer <redacted>"},
      {"Bearer " + std::string(1000, 'e'), "Bearer <redacted>"},
      {"no bearer (), but Bearer abc", "no bearer (), but Bearer <redacted>"},
      {"access_token=a access_token=b Bearer c",
       "access_token=<redacted> access_token=<redacted> Bearer <redacted>"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(redact(text), expected);
  }
}

TEST(LogRedaction, LeavesOtherTextAlone) {
  for (const char* text : {"", "_", "access_token", "access_token was missing", "no access_tokens here=5",
                           "bearer", "forebearer of news", "the lst_ prefix", "M_MISSING_TOKEN",
                           "last_stream_id=5", "m.room.message @a_b:hs !r:hs", "Bearer "}) {
    EXPECT_EQ(redact(text), text);
  }
}

TEST_F(LogTest, SecretsAreTakenOutOfMessages) {
  logger_.warning("failed: /_matrix/client/v3/sync?access_token={}", "abc");
  EXPECT_TRUE(lines_.all.at(0).ends_with("access_token=<redacted>"));
}

TEST_F(LogFiles, GoOnInANewFileAfterTheOldOneWasMovedAway) {
  const std::string file = folder_ / "lares.log";
  ASSERT_TRUE(configure({.root_level = Level::kInfo, .sinks = {{.file = file}}}));
  const Logger logger{"test"};
  logger.info("first");
  flush();
  EXPECT_NE(read(file).find("first"), std::string::npos);
  std::filesystem::rename(file, folder_ / "old.log");
  reopen();
  flush();
  logger.info("second");
  flush();
  EXPECT_EQ(read(folder_ / "old.log").find("second"), std::string::npos);
  EXPECT_NE(read(file).find("second"), std::string::npos);
}

TEST_F(LogFiles, AreReadableByOwnerAndGroupAndStayWhereANewOneCannotBeMade) {
  const std::filesystem::path folder = folder_ / "log";
  std::filesystem::create_directory(folder);
  const std::string file = folder / "lares.log";
  ASSERT_TRUE(configure({.root_level = Level::kInfo, .sinks = {{.file = file}}}));
  struct stat made{};
  ASSERT_EQ(::stat(file.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0137U, 0U);
  std::filesystem::rename(folder, folder_ / "moved");
  reopen();
  const Logger logger{"test"};
  logger.info("still here");
  flush();
  EXPECT_NE(read(folder_ / "moved" / "lares.log").find("still here"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder)) << "no folder is made";
}

TEST_F(LogFiles, SinksHaveLayoutsAndLevelsOfTheirOwn) {
  const std::string human = folder_ / "human.log";
  const std::string machine = folder_ / "machine.log";
  ASSERT_TRUE(configure(
      {.root_level = Level::kInfo,
       .levels = {{"test.quiet", Level::kError}},
       .sinks = {{.file = human}, {.layout = Layout::kJson, .file = machine, .level = Level::kError}}}));
  const Logger logger{"test"};
  logger.info("a");
  logger.error("b");
  Logger{"test.quiet"}.warning("c");
  flush();
  EXPECT_NE(read(human).find(" - a\n"), std::string::npos);
  EXPECT_NE(read(human).find(" - b\n"), std::string::npos);
  EXPECT_EQ(read(human).find(" - c\n"), std::string::npos);
  EXPECT_EQ(read(machine),
            "{\"log\":\"b\",\"namespace\":\"test\",\"level\":\"ERROR\",\"request\":\"sentinel\"}\n");
}

TEST_F(LogFiles, ThatReplaceOthersHaveEachLineThatWasLoggedMeanwhileOnceAndInOrder) {
  constexpr int kLines = 20'000;
  std::vector<std::string> files{folder_ / "log-0"};
  std::atomic<int> ready{0};
  std::atomic<int> at_work{2};
  ASSERT_TRUE(configure({.root_level = Level::kInfo, .sinks = {{.file = files.back()}}}));
  const auto log_lines = [&](const char* who) {
    const Logger logger{"test"};
    ++ready;
    for (int i = 0; i < kLines; ++i) {
      logger.info("{}-{}", who, i);
    }
    --at_work;
  };
  std::thread first{log_lines, "first"};
  std::thread second{log_lines, "second"};
  while (ready < 2) {
    std::this_thread::yield();
  }
  while (at_work > 0 && files.size() < 200) {
    files.push_back(folder_ / ("log-" + std::to_string(files.size())));
    EXPECT_TRUE(configure({.root_level = Level::kInfo, .sinks = {{.file = files.back()}}}));
  }
  first.join();
  second.join();
  flush();
  int expected_first = 0;
  int expected_second = 0;
  for (const std::string& file : files) {
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);) {
      const bool of_first = line.find("first-") != std::string::npos;
      int& expected = of_first ? expected_first : expected_second;
      ASSERT_TRUE(line.ends_with((of_first ? "first-" : "second-") + std::to_string(expected))) << line;
      ++expected;
    }
  }
  EXPECT_EQ(expected_first, kLines);
  EXPECT_EQ(expected_second, kLines);
}

TEST_F(LogFiles, ThatCannotBeOpenedAreAnErrorAndChangeNothing) {
  const auto result = configure({.sinks = {{.file = folder_ / "no" / "such" / "folder.log"}}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().find("folder.log cannot be opened: No such file or directory"), std::string::npos);
}

TEST_F(LogFiles, WhatADiskCannotTakeIsDroppedCountedAndSaid) {
  const std::string fifo = folder_ / "slow";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  const std::uint64_t before = dropped_records();
  ASSERT_TRUE(
      configure({.root_level = Level::kInfo, .sinks = {{.file = fifo}}, .max_waiting_bytes = 64 * 1024}));
  const Logger logger{"test"};
  const std::string text(1000, 'x');
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) {
    logger.info("{}", text);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{2});
  EXPECT_GT(dropped_records(), before + 500);
  std::atomic<bool> stop{false};
  std::string got;
  std::thread drain{[&] {
    std::string buffer(65536, '\0');
    for (bool last = false; !last;) {
      // Read again after the writer has ended.
      last = stop;
      const ssize_t size = ::read(reader, buffer.data(), buffer.size());
      if (size > 0) {
        got.append(buffer, 0, static_cast<std::size_t>(size));
        last = false;
      } else {
        std::this_thread::yield();
      }
    }
  }};
  ASSERT_TRUE(configure({.root_level = Level::kWarning, .sinks = {{}}}));
  stop = true;
  drain.join();
  EXPECT_NE(got.find("log records were dropped"), std::string::npos);
  ::close(reader);
}

}  // namespace
}  // namespace lares::log
