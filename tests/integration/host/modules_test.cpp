// SPDX-License-Identifier: Apache-2.0
// invite_guard as it is shipped, in this process and in one of its own: who asks cannot tell which.
#include <host/module_local.hpp>
#include <host/module_remote.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/base/error.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "module_support.hpp"

namespace lares::host {
namespace {

constexpr std::string_view kConfig =
    R"({"invites": {"per_user": 2, "seconds": 3600}, "denied_words": ["casino*"],
                                         "denied_servers": ["*.spam.test"], "rooms": {"per_user": 1}})";

std::filesystem::path guard() {
  return build_folder() / "lib/lares/modules/invite_guard.so";
}

lares_invite_view invite(std::string_view inviter, std::string_view invitee) {
  lares_invite_view view{};
  view.struct_size = sizeof(view);
  view.inviter = view_of(inviter);
  view.invitee = view_of(invitee);
  view.room_id = view_of("!room:hs.test");
  return view;
}

lares_event_view message(std::string_view content) {
  lares_event_view view{};
  view.struct_size = sizeof(view);
  view.json = view_of("{}");
  view.type = view_of("m.room.message");
  view.sender = view_of("@a:hs.test");
  view.content = view_of(content);
  return view;
}

class Modules : public testing::TestWithParam<bool> {
 protected:
  ModuleSettings settings() const {
    return {.name = "invite_guard",
            .server_name = "hs.test",
            .instance_name = "master",
            .config = std::string(kConfig),
            .origin = "homeserver.yaml:3: modules[0]",
            .timeout = std::chrono::seconds(20)};
  }
  std::unique_ptr<Module> make(ModuleSettings settings) {
    if (GetParam()) {
      return std::make_unique<RemoteModule>(runtime_, build_folder() / "bin/laresd-module-runner", guard(),
                                            std::move(settings));
    }
    return std::make_unique<LocalModule>(runtime_, std::make_shared<ModuleLibrary>(guard()),
                                         std::move(settings));
  }
  ModuleAnswer ask(Module& module, const ModuleQuestion& question) {
    return run_blocking(runtime_, "ask", module.ask(question));
  }
  // Starts a module, and stops it whatever the test does.
  struct Running {
    Running(Modules& test, ModuleSettings settings)
        : runtime(test.runtime_), module(test.make(std::move(settings))) {
      run_blocking(runtime, "start", module->start());
    }
    ~Running() { run_blocking(runtime, "stop", module->stop()); }
    Runtime& runtime;
    std::unique_ptr<Module> module;
  };

  RealRuntime runtime_{RealRuntimeOptions{.threads = 2}};
};

INSTANTIATE_TEST_SUITE_P(Everywhere, Modules, testing::Bool(),
                         [](const auto& info) { return info.param ? "InItsOwnProcess" : "InThisProcess"; });

TEST_P(Modules, OfferWhatTheyImplement) {
  Running running(*this, settings());
  EXPECT_TRUE(running.module->offers(0));
  EXPECT_TRUE(running.module->offers(1));
  EXPECT_FALSE(running.module->offers(2));
  EXPECT_TRUE(running.module->offers(3));
}

TEST_P(Modules, AllowAndDeny) {
  Running running(*this, settings());
  auto& module = *running.module;
  EXPECT_TRUE(ask(module, invite("@a:hs.test", "@b:good.test")).verdict.allowed);
  const auto stranger = ask(module, invite("@a:hs.test", "@b:x.spam.test"));
  EXPECT_EQ(stranger.status, LARES_OK);
  EXPECT_FALSE(stranger.verdict.allowed);
  EXPECT_EQ(stranger.verdict.errcode, "M_FORBIDDEN");
  EXPECT_TRUE(ask(module, invite("@a:hs.test", "@c:good.test")).verdict.allowed);
  const auto third = ask(module, invite("@a:hs.test", "@d:good.test"));
  EXPECT_FALSE(third.verdict.allowed);
  EXPECT_EQ(third.verdict.errcode, "M_LIMIT_EXCEEDED");
}

TEST_P(Modules, SeeEventsAsTheyAre) {
  Running running(*this, settings());
  EXPECT_TRUE(ask(*running.module, message(R"({"body":"hello"})")).verdict.allowed);
  EXPECT_FALSE(ask(*running.module, message(R"({"body":"Visit the CASINO24 now"})")).verdict.allowed);
  EXPECT_FALSE(ask(*running.module, message("not json")).verdict.allowed);
  const auto edit = R"({"body":"* hello","m.new_content":{"body":"hello","formatted_body":"<b>casino</b>"}})";
  EXPECT_FALSE(ask(*running.module, message(edit)).verdict.allowed);
  // Deeper than the module reads, and not than the server does.
  const auto deep = R"({"body":"casino","x":)" + std::string(100, '[') + std::string(100, ']') + "}";
  EXPECT_FALSE(ask(*running.module, message(deep)).verdict.allowed);
}

TEST_P(Modules, NeedNotReadEventsWhereNoWordIsDenied) {
  auto lenient = settings();
  lenient.config = "{}";
  Running running(*this, lenient);
  EXPECT_TRUE(ask(*running.module, message("not json")).verdict.allowed);
}

TEST_P(Modules, HandTheirStateToTheNextGeneration) {
  auto next = settings();
  {
    Running first(*this, settings());
    EXPECT_TRUE(ask(*first.module, invite("@a:hs.test", "@b:good.test")).verdict.allowed);
    EXPECT_TRUE(ask(*first.module, invite("@a:hs.test", "@c:good.test")).verdict.allowed);
    const auto saved = run_blocking(runtime_, "save", first.module->save());
    EXPECT_EQ(saved.status, LARES_OK);
    next.saved_state = saved.state;
    next.saved_state_version = saved.state_version;
  }
  Running second(*this, next);
  EXPECT_FALSE(ask(*second.module, invite("@a:hs.test", "@d:good.test")).verdict.allowed);
}

TEST_P(Modules, SayWhatIsWrongWithTheirConfiguration) {
  auto wrong = settings();
  wrong.config = R"({"invites": {"per_user": "many"}})";
  try {
    Running running(*this, wrong);
    FAIL();
  } catch (const StartError& error) {
    EXPECT_EQ(std::string(error.what()),
              "homeserver.yaml:3: modules[0]: the module \"invite_guard\" cannot start: "
              "config.invites.per_user: expected a "
              "whole number from 0 to 1000000000");
  }
}

TEST_P(Modules, AnswerNothingAfterTheyStopped) {
  auto module = make(settings());
  run_blocking(runtime_, "start", module->start());
  run_blocking(runtime_, "stop", module->stop());
  EXPECT_EQ(ask(*module, invite("@a:hs.test", "@b:good.test")).status, LARES_GONE);
  EXPECT_EQ(run_blocking(runtime_, "save", module->save()).status, LARES_GONE);
}

TEST_P(Modules, ServeManyAtOnce) {
  Running running(*this, settings());
  run_blocking(runtime_, "many", [](Runtime& runtime, Module& module) -> Task<void> {
    TaskGroup group(runtime, "askers");
    for (int i = 0; i < 500; ++i) {
      const auto asker = [](Module& asked, int number) -> Task<void> {
        const auto user = "@u" + std::to_string(number) + ":hs.test";
        const ModuleQuestion question(invite(user, "@b:good.test"));
        const auto answer = co_await asked.ask(question);
        EXPECT_EQ(answer.status, LARES_OK) << answer.message;
        EXPECT_TRUE(answer.verdict.allowed);
      };
      spawn(group, "asker", asker(module, i), &runtime.next_loop());
    }
    co_await group.join();
  }(runtime_, *running.module));
}

class ContraryModule : public testing::TestWithParam<bool> {
 protected:
  ContraryModule() {
    const auto file = build_folder() / "tests/host/contrary/contrary.so";
    ModuleSettings settings{.name = "contrary",
                            .server_name = "hs.test",
                            .instance_name = "master",
                            .config = "{}",
                            .origin = "test",
                            .timeout = std::chrono::milliseconds(150)};
    if (GetParam()) {
      module_ = std::make_unique<RemoteModule>(runtime_, build_folder() / "bin/laresd-module-runner", file,
                                               settings);
    } else {
      module_ = std::make_unique<LocalModule>(runtime_, std::make_shared<ModuleLibrary>(file), settings);
    }
    run_blocking(runtime_, "start", module_->start());
  }
  ~ContraryModule() override {
    run_blocking(runtime_, "stop", module_->stop());
    if (module_->left()) {
      // Its threads may still need it.
      static auto& left = *new std::vector<Module*>;
      left.push_back(module_.release());
    }
  }
  ModuleAnswer ask(std::string_view what) {
    const ModuleQuestion question(invite("@a:hs.test", what));
    return run_blocking(runtime_, "ask", module_->ask(question));
  }

  Lines lines_;
  RealRuntime runtime_;
  std::unique_ptr<Module> module_;
};

INSTANTIATE_TEST_SUITE_P(Everywhere, ContraryModule, testing::Bool(),
                         [](const auto& info) { return info.param ? "InItsOwnProcess" : "InThisProcess"; });

TEST_P(ContraryModule, ThatNeverAnswersIsLate) {
  EXPECT_EQ(ask("never").status, LARES_LATE);
}

TEST_P(ContraryModule, ThatAnswersLateChangesNothing) {
  EXPECT_EQ(ask("late").status, LARES_LATE);
  // Its next question is answered as if nothing had been.
  EXPECT_FALSE(ask("forged").verdict.allowed);
}

TEST_P(ContraryModule, ThatAnswersTwiceIsHeardOnce) {
  EXPECT_FALSE(ask("twice").verdict.allowed);
  EXPECT_FALSE(lines_.contains("second counted"));
}

TEST_P(ContraryModule, ThatAnswersWithNothingHasFailed) {
  EXPECT_EQ(ask("empty").status, LARES_INVALID);
}

TEST_P(ContraryModule, ThatAnswersGarbageDoesNotDeny) {
  const auto answer = ask("garbage");
  EXPECT_TRUE(answer.status != LARES_OK || answer.verdict.allowed);
}

TEST_P(ContraryModule, ThatSavesTooMuchHasSavedNothing) {
  const auto saved = run_blocking(runtime_, "save", module_->save());
  EXPECT_EQ(saved.status, LARES_INVALID);
  EXPECT_TRUE(saved.state.empty());
}

TEST_P(ContraryModule, WithAShorterTableHasTheSlotsThatAreInIt) {
  EXPECT_TRUE(module_->offers(1));
  EXPECT_FALSE(module_->offers(2));
  EXPECT_FALSE(module_->offers(3));
}

TEST_P(ContraryModule, ThatForgesHandlesReachesNobodyElse) {
  EXPECT_FALSE(ask("forged").verdict.allowed);
}

lares_join_view join(std::string_view user) {
  lares_join_view view{};
  view.struct_size = sizeof(view);
  view.user_id = view_of(user);
  view.room_id = view_of("!room:hs.test");
  return view;
}

TEST(SerialModule, HoldsUpNobodyBeyondTheDeadlineAndIsNeverCalledTwiceAtOnce) {
  Lines lines;
  RealRuntime runtime{RealRuntimeOptions{.threads = 2}};
  LocalModule module(runtime,
                     std::make_shared<ModuleLibrary>(build_folder() / "tests/host/blocking/blocking.so"),
                     {.name = "blocking",
                      .server_name = "hs.test",
                      .instance_name = "master",
                      .config = "{}",
                      .origin = "test",
                      .timeout = std::chrono::milliseconds(100)});
  run_blocking(runtime, "start", module.start());
  // The module is called on one of the loops. From the other its slowness must not be felt: not by the first
  // who asks, nor by those who wait behind.
  std::atomic<int> late{0};
  run_blocking(runtime, "many", [](Runtime& all, Module& asked, std::atomic<int>& count) -> Task<void> {
    TaskGroup group(all, "askers");
    for (std::size_t i = 0; i < 6; ++i) {
      const auto asker = [](Runtime& own, Module& one, std::atomic<int>& counted) -> Task<void> {
        const auto before = own.steady_now();
        const ModuleQuestion question(join("@a:hs.test"));
        const auto answer = co_await one.ask(question);
        counted +=
            answer.status == LARES_LATE && own.steady_now() - before < std::chrono::milliseconds(450) ? 1 : 0;
      };
      spawn(group, "asker", asker(all, asked, count), &all.loop(i % 2));
    }
    co_await group.join();
  }(runtime, module, late));
  EXPECT_EQ(late, 3);
  run_blocking(runtime, "stop", module.stop());
  EXPECT_TRUE(lines.contains("cancelled"));
  EXPECT_FALSE(lines.contains("two at once"));
  EXPECT_FALSE(lines.contains("wrong question"));
  // Three times from its own loop, and at most once for the three who gave up: the others were late before
  // their turn.
  EXPECT_LE(lines.count("asked"), 4u);
}

// Whether the file is part of this process.
bool mapped(const std::filesystem::path& file) {
  std::ifstream maps("/proc/self/maps");
  const std::string text((std::istreambuf_iterator<char>(maps)), std::istreambuf_iterator<char>());
  return text.find(file.string()) != std::string::npos;
}

TEST(ModuleFile, IsClosedAfterTheLastInstanceWhereTheModuleSaysThatItMayBe) {
  // A copy, since another test may have left the module's own file in the process.
  std::string name = (std::filesystem::temp_directory_path() / "lares-module-XXXXXX").string();
  const std::filesystem::path folder = ::mkdtemp(name.data());
  const auto file = folder / "invite_guard.so";
  std::filesystem::copy_file(guard(), file);
  {
    RealRuntime runtime;
    const ModuleSettings settings{.name = "invite_guard",
                                  .server_name = "hs.test",
                                  .instance_name = "master",
                                  .config = "{}",
                                  .origin = "test"};
    auto library = std::make_shared<ModuleLibrary>(file);
    LocalModule first(runtime, library, settings);
    LocalModule second(runtime, std::move(library), settings);
    run_blocking(runtime, "stop", first.stop());
    EXPECT_TRUE(mapped(file));
    EXPECT_EQ(
        run_blocking(runtime, "ask", second.ask(ModuleQuestion(invite("@a:hs.test", "@b:hs.test")))).status,
        LARES_OK);
    run_blocking(runtime, "stop", second.stop());
    EXPECT_FALSE(mapped(file));
  }
  std::filesystem::remove_all(folder);
}

TEST(ModuleFile, StaysInTheProcessWhereTheModuleDoesNotSaySo) {
  const auto file = build_folder() / "tests/host/contrary/contrary.so";
  RealRuntime runtime;
  {
    LocalModule module(runtime, std::make_shared<ModuleLibrary>(file),
                       {.name = "contrary",
                        .server_name = "hs.test",
                        .instance_name = "master",
                        .config = "{}",
                        .origin = "test"});
    run_blocking(runtime, "stop", module.stop());
  }
  EXPECT_TRUE(mapped(file));
}

// invite_guard in a process of its own, patiently.
class ModuleProcess : public testing::Test {
 protected:
  ModuleAnswer ask() {
    const ModuleQuestion question(invite("@a:hs.test", "@b:hs.test"));
    return run_blocking(runtime_, "ask", module_.ask(question));
  }

  RealRuntime runtime_;
  RemoteModule module_{runtime_,
                       build_folder() / "bin/laresd-module-runner",
                       guard(),
                       {.name = "invite_guard",
                        .server_name = "hs.test",
                        .instance_name = "master",
                        .config = "{}",
                        .origin = "test",
                        .timeout = std::chrono::seconds(20)}};
};

TEST_F(ModuleProcess, AnswersUntilTheServerHasNoMoreToAsk) {
  run_blocking(runtime_, "start", module_.start());
  EXPECT_EQ(ask().status, LARES_OK);
  // A service manager, or Ctrl-C at a terminal, signals the server and its children together.
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    ASSERT_EQ(::kill(module_.process(), number), 0);
    EXPECT_EQ(ask().status, LARES_OK);
  }
  EXPECT_EQ(module_.starts(), 1u);
  run_blocking(runtime_, "stop", module_.stop());
  EXPECT_EQ(module_.process(), -1);
}

TEST(ModuleEnvironment, HasNothingOfTheServersOwn) {
  ::setenv("LARES_TEST_SECRET", "hunter2", 1);
  RealRuntime runtime;
  RemoteModule module(runtime, build_folder() / "bin/laresd-module-runner",
                      build_folder() / "tests/host/contrary/contrary.so",
                      {.name = "contrary",
                       .server_name = "hs.test",
                       .instance_name = "master",
                       .config = "{}",
                       .origin = "test",
                       .timeout = std::chrono::milliseconds(150)});
  run_blocking(runtime, "start", module.start());
  ::unsetenv("LARES_TEST_SECRET");
  // It denies where it sees the variable, and says nothing where it does not.
  const ModuleQuestion question(invite("@a:hs.test", "secret"));
  EXPECT_EQ(run_blocking(runtime, "ask", module.ask(question)).status, LARES_LATE);
  run_blocking(runtime, "stop", module.stop());
}

TEST_F(ModuleProcess, ThatIsKilledIsStartedAgainAndMeanwhileFails) {
  auto& runtime = runtime_;
  auto& module = module_;
  run_blocking(runtime, "start", module.start());
  const ModuleQuestion question(invite("@a:hs.test", "@b:hs.test"));
  EXPECT_EQ(run_blocking(runtime, "ask", module.ask(question)).status, LARES_OK);
  EXPECT_EQ(module.starts(), 1u);

  // Stopped, it cannot answer any more; killed, the open question fails at once and not at its deadline.
  ASSERT_EQ(::kill(module.process(), SIGSTOP), 0);
  const auto answer =
      run_blocking(runtime, "ask", [](RemoteModule& asked, const ModuleQuestion& q) -> Task<ModuleAnswer> {
        auto asking = asked.ask(q);
        Loop::current()->runtime().loop(0).post([killing = asked.process()] { ::kill(killing, SIGKILL); });
        co_return co_await std::move(asking);
      }(module, question));
  EXPECT_EQ(answer.status, LARES_GONE);

  // It comes back by itself.
  auto again = ModuleAnswer{.status = LARES_GONE};
  for (int i = 0; i < 200 && again.status != LARES_OK; ++i) {
    again =
        run_blocking(runtime, "ask", [](RemoteModule& asked, const ModuleQuestion& q) -> Task<ModuleAnswer> {
          co_await Loop::current()->runtime().sleep_for(std::chrono::milliseconds(50));
          co_return co_await asked.ask(q);
        }(module, question));
  }
  EXPECT_EQ(again.status, LARES_OK) << again.message;
  EXPECT_EQ(module.starts(), 2u);
  run_blocking(runtime, "stop", module.stop());
}

}  // namespace
}  // namespace lares::host
