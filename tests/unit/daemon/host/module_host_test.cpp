// SPDX-License-Identifier: Apache-2.0
#include <host/module_host.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>
#include <lares/base/metrics.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lares::host {
namespace {

// A module that always gives the same answer, or none.
class Fixed final : public Module {
 public:
  Fixed(Runtime& runtime, std::string name, std::optional<ModuleAnswer> answer,
        std::vector<std::string>& asked)
      : Module(runtime, {.name = std::move(name),
                         .server_name = "hs.test",
                         .instance_name = "master",
                         .config = "{}",
                         .origin = "test",
                         .timeout = std::chrono::milliseconds(20)}),
        answer_(std::move(answer)),
        asked_(asked) {}

  [[nodiscard]] bool offers(std::size_t hook) const noexcept override { return hook != 2 && !idle_; }
  Task<void> start() override { co_return; }
  Task<void> stop() override { co_return; }
  [[nodiscard]] bool left() const noexcept override { return left_; }
  void leave() noexcept { left_ = true; }
  void be_idle() noexcept { idle_ = true; }

 protected:
  void send(lares_completion completion, const ModuleQuestion&) override {
    asked_.push_back(name());
    if (answer_) {
      calls().complete(completion, *answer_);
    }
  }
  void send_save(lares_completion) override {}
  void send_cancel(lares_completion) noexcept override { asked_.push_back("cancelled " + name()); }

 private:
  std::optional<ModuleAnswer> answer_;
  std::vector<std::string>& asked_;
  bool left_ = false;
  bool idle_ = false;
};

class SpamChecks : public testing::Test {
 protected:
  using Answer = std::optional<ModuleAnswer>;

  ModuleHost& modules(std::vector<std::pair<std::string, Answer>> answers) {
    std::vector<std::unique_ptr<Module>> made;
    for (auto& [name, answer] : answers) {
      made.push_back(std::make_unique<Fixed>(runtime_, name, std::move(answer), asked_));
    }
    host_ = std::make_unique<ModuleHost>(runtime_, "hs.test", std::move(made));
    return *host_;
  }
  service::SpamVerdict invite() {
    return run_blocking(
        runtime_, "ask",
        host_->user_may_invite(*matrix::UserId::parse("@a:hs.test"), *matrix::UserId::parse("@b:hs.test"),
                               *matrix::RoomId::parse("!r:hs.test"), false));
  }
  service::SpamVerdict join() {
    return run_blocking(runtime_, "ask",
                        host_->user_may_join_room(*matrix::UserId::parse("@a:hs.test"),
                                                  *matrix::RoomId::parse("!r:hs.test"), false));
  }

  static ModuleAnswer allow() { return {}; }
  static ModuleAnswer deny(std::string code) {
    return {.verdict = {.allowed = false, .errcode = std::move(code)}};
  }
  static ModuleAnswer fail() { return {.status = LARES_FAILED, .message = "x"}; }

  RealRuntime runtime_;
  std::vector<std::string> asked_;
  std::unique_ptr<ModuleHost> host_;
};

TEST_F(SpamChecks, AllowWithoutModules) {
  modules({});
  EXPECT_FALSE(host_->asks(service::SpamChecker::Hook::Invite));
  EXPECT_TRUE(invite().allowed);
}

TEST_F(SpamChecks, AskInOrderAndStopAtTheFirstDenial) {
  modules({{"one", allow()}, {"two", deny("M_TWO")}, {"three", deny("M_THREE")}});
  const auto verdict = invite();
  EXPECT_FALSE(verdict.allowed);
  EXPECT_EQ(verdict.errcode, "M_TWO");
  EXPECT_EQ(asked_, (std::vector<std::string>{"one", "two"}));
}

TEST_F(SpamChecks, DoNotAskForWhatAModuleLacks) {
  modules({{"one", deny("M_X")}});
  EXPECT_FALSE(host_->asks(service::SpamChecker::Hook::Join));
  EXPECT_TRUE(join().allowed);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(SpamChecks, DenyAnInviteWhenAModuleFails) {
  modules({{"one", fail()}, {"two", allow()}});
  EXPECT_FALSE(invite().allowed);
}

TEST_F(SpamChecks, TellAModuleThatIsLateAndGoOnWithoutIt) {
  modules({{"slow", std::nullopt}});
  EXPECT_FALSE(invite().allowed);
  EXPECT_EQ(asked_, (std::vector<std::string>{"slow", "cancelled slow"}));
}

TEST_F(SpamChecks, AreShieldedFromCancellationWhichTakesEffectAfterwards) {
  ModuleHost& host = modules({{"slow", std::nullopt}, {"next", allow()}});
  run_blocking(runtime_, "test",
               [](Runtime& runtime, ModuleHost& asked, std::vector<std::string>& log) -> Task<void> {
                 TaskGroup group{runtime, "asking"};
                 spawn(group, "asking", [](ModuleHost& modules, std::vector<std::string>& to) -> Task<void> {
                   try {
                     (void)co_await modules.user_may_create_room(*matrix::UserId::parse("@a:hs.test"), "{}");
                     to.push_back("went on");
                   } catch (...) {
                     to.push_back("ended");
                     throw;
                   }
                 }(asked, log));
                 group.cancel();
                 co_await group.join();
               }(runtime_, host, asked_));
  // The module was given its time, and only then it was looked whether anybody still wants to know.
  EXPECT_EQ(asked_, (std::vector<std::string>{"slow", "cancelled slow", "ended"}));
}

TEST_F(SpamChecks, AreNotCleanOnceAModuleDidNotStop) {
  auto module = std::make_unique<Fixed>(runtime_, "one", allow(), asked_);
  Fixed& fixed = *module;
  std::vector<std::unique_ptr<Module>> made;
  made.push_back(std::move(module));
  {
    ModuleHost host(runtime_, "hs.test", std::move(made));
    EXPECT_TRUE(host.clean());
    fixed.leave();
    EXPECT_FALSE(host.clean());
  }
  // The host has left it alone, as its threads might need it.
  EXPECT_EQ(fixed.name(), "one");
  delete &fixed;
}

TEST_F(SpamChecks, AreNamedWhereTheyStartAndMissedWhereThereAreNone) {
  struct Lines final : log::Capture {
    Lines() {
      log::set_level("lares.host.modules", log::Level::kInfo);
      log::set_capture(this);
    }
    ~Lines() override {
      log::set_capture(nullptr);
      log::set_level("lares.host.modules", std::nullopt);
    }
    void line(std::string_view line) override { text += line; }
    std::string text;
  };
  std::vector<std::unique_ptr<Module>> made;
  made.push_back(std::make_unique<Fixed>(runtime_, "busy", allow(), asked_));
  auto idle = std::make_unique<Fixed>(runtime_, "idle", allow(), asked_);
  idle->be_idle();
  made.push_back(std::move(idle));
  ModuleHost host(runtime_, "hs.test", std::move(made));
  std::string said;
  {
    Lines lines;
    run_blocking(runtime_, "start", host.start());
    log::flush();
    said = lines.text;
  }
  EXPECT_NE(said.find("busy is asked before users and events get their way: check_event_for_spam, "
                      "user_may_invite, user_may_create_room."),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("idle is loaded and checks nothing"), std::string::npos) << said;
}

TEST_F(SpamChecks, AreMeasuredBySlot) {
  modules({{"one", allow()}, {"two", allow()}});
  EXPECT_TRUE(invite().allowed);
  const std::string page = runtime_.metrics().expose();
  EXPECT_NE(
      page.find(
          "synapse_util_metrics_block_count_total{server_name=\"hs.test\",block_name=\"user_may_invite\"} 2"),
      std::string::npos)
      << page;
}

}  // namespace
}  // namespace lares::host
