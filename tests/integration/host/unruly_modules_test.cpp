// SPDX-License-Identifier: Apache-2.0
// Modules that misbehave where they begin and end, and what a process of their own gets from the server's.
#include <host/module_local.hpp>
#include <host/module_remote.hpp>

#include <lares/async/real_runtime.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/error.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "module_support.hpp"

namespace lares::host {
namespace {

using std::chrono::milliseconds;

std::filesystem::path library(const std::string& name) {
  return build_folder() / "tests/host" / name / (name + ".so");
}

// Holds what did not stop, until the process ends: its threads may still need it.
void keep(std::unique_ptr<Module> module) {
  static auto& left = *new std::vector<Module*>;
  left.push_back(module.release());
}

class UnrulyModule : public testing::Test {
 protected:
  UnrulyModule() {
    std::string name = (std::filesystem::temp_directory_path() / "lares-unruly-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~UnrulyModule() override { std::filesystem::remove_all(folder_); }

  // `how`: the members of its configuration beside the file.
  ModuleSettings settings(milliseconds timeout, const std::string& how = "") const {
    return {.name = "unruly",
            .server_name = "hs.test",
            .instance_name = "master",
            .config = "{\"file\":\"" + file().string() + "\"" + how + "}",
            .origin = "test",
            .timeout = timeout};
  }
  std::unique_ptr<RemoteModule> in_its_process(ModuleSettings settings, const std::string& name = "unruly") {
    settings.name = name;
    return std::make_unique<RemoteModule>(runtime_, build_folder() / "bin/laresd-module-runner",
                                          library(name), std::move(settings));
  }
  ModuleAnswer ask(Module& module, std::string_view invitee) {
    return run_blocking(runtime_, "ask", module.ask(invite(invitee)));
  }
  static ModuleQuestion invite(std::string_view invitee) {
    lares_invite_view view{};
    view.struct_size = sizeof(view);
    view.inviter = view_of("@a:hs.test");
    view.invitee = view_of(invitee);
    view.room_id = view_of("!room:hs.test");
    return view;
  }
  // Asks until it answers; for 20 s at most.
  ModuleAnswer ask_patiently(Module& module) {
    ModuleAnswer answer{.status = LARES_GONE};
    for (int i = 0; i < 400 && answer.status != LARES_OK; ++i) {
      answer = ask(module, "@quick:hs.test");
      run_blocking(runtime_, "pause", runtime_.sleep_for(milliseconds(50)));
    }
    return answer;
  }
  std::vector<std::string> notes() const {
    std::ifstream lines(file());
    std::vector<std::string> all;
    for (std::string line; std::getline(lines, line);) {
      all.push_back(line);
    }
    return all;
  }
  std::filesystem::path file() const { return folder_ / "notes"; }

  std::filesystem::path folder_;
  RealRuntime runtime_{RealRuntimeOptions{.threads = 1}};
};

TEST_F(UnrulyModule, GetsNoneOfTheServersFiles) {
  // A high number, which the runner does not come to by itself; inherited unless somebody sees to it.
  const int opened = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  constexpr int kServers = 200;
  ASSERT_EQ(::dup2(opened, kServers), kServers);
  const auto module = in_its_process(settings(milliseconds(20'000)));
  run_blocking(runtime_, "start", module->start());
  std::vector<int> files;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(module->process()) + "/fd")) {
    files.push_back(std::stoi(entry.path().filename()));
  }
  EXPECT_FALSE(files.empty());
  for (const int number : files) {
    EXPECT_LT(number, kServers);
  }
  EXPECT_EQ(ask(*module, "@quick:hs.test").status, LARES_OK);
  run_blocking(runtime_, "stop", module->stop());
  ::close(kServers);
  ::close(opened);
}

TEST_F(UnrulyModule, ThatCannotStartAgainIsTriedUntilItCan) {
  auto patient = settings(milliseconds(20'000), R"(,"creations":"orho")");
  patient.create_timeout = milliseconds(3000);
  const auto module = in_its_process(std::move(patient));
  run_blocking(runtime_, "start", module->start());
  EXPECT_EQ(ask(*module, "@quick:hs.test").status, LARES_OK);
  ASSERT_EQ(::kill(module->process(), SIGKILL), 0);
  // It is refused, then not answered, and then it is there.
  EXPECT_EQ(ask_patiently(*module).status, LARES_OK);
  EXPECT_EQ(module->starts(), 4u);
  run_blocking(runtime_, "stop", module->stop());
}

TEST_F(UnrulyModule, ThatDoesNotSayWhetherItStartsIsNotWaitedForLonger) {
  auto patient = settings(milliseconds(20'000), R"(,"creations":"h")");
  patient.create_timeout = milliseconds(200);
  const auto module = in_its_process(std::move(patient));
  try {
    run_blocking(runtime_, "start", module->start());
    FAIL();
  } catch (const StartError& error) {
    EXPECT_STREQ(error.what(), "test: the module \"unruly\" cannot start: its process did not answer");
  }
  EXPECT_EQ(module->starts(), 1u);
  EXPECT_EQ(module->process(), -1);
}

TEST_F(UnrulyModule, IsDestroyedInItsProcess) {
  const auto module = in_its_process(settings(milliseconds(20'000), R"(,"destroy_ms":200)"));
  run_blocking(runtime_, "start", module->start());
  run_blocking(runtime_, "stop", module->stop());
  EXPECT_EQ(module->process(), -1);
  EXPECT_EQ(notes(), (std::vector<std::string>{"created", "destroyed"}));
}

TEST_F(UnrulyModule, IsNotWaitedForToBeDestroyedBeyondTheTimeout) {
  const auto module = in_its_process(settings(milliseconds(500), R"(,"destroy_ms":3600000)"));
  run_blocking(runtime_, "start", module->start());
  run_blocking(runtime_, "stop", module->stop());
  EXPECT_EQ(module->process(), -1);
  EXPECT_EQ(notes(), (std::vector<std::string>{"created"}));
}

TEST_F(UnrulyModule, IsNotAskedInItsProcessWhatNobodyWaitsForAnyMore) {
  Lines lines;
  const auto module = in_its_process(settings(milliseconds(1000)));
  run_blocking(runtime_, "start", module->start());
  run_blocking(runtime_, "many", [](Runtime& runtime, Module& asked) -> Task<void> {
    TaskGroup group(runtime, "askers");
    for (int i = 0; i < 6; ++i) {
      const auto asker = [](Module& one) -> Task<void> {
        const ModuleQuestion question = invite("@slow:hs.test");
        const auto answer = co_await one.ask(question);
        EXPECT_EQ(answer.status, LARES_LATE);
      };
      spawn(group, "asker", asker(asked));
    }
    co_await group.join();
  }(runtime_, *module));
  EXPECT_EQ(ask_patiently(*module).status, LARES_OK);
  EXPECT_EQ(lines.count("slowly with its time"), 1u);
  EXPECT_EQ(lines.count("slowly with too much time"), 0u);
  run_blocking(runtime_, "stop", module->stop());
}

TEST_F(UnrulyModule, WhoseProcessDiesWhileItIsWrittenToIsStartedAgainWithAWarning) {
  Lines lines;
  const auto module = in_its_process(settings(milliseconds(20'000)));
  run_blocking(runtime_, "start", module->start());
  // More than the pipe takes, so that something is always being written.
  ASSERT_EQ(::kill(module->process(), SIGSTOP), 0);
  run_blocking(runtime_, "many", [](Runtime& runtime, RemoteModule& asked) -> Task<void> {
    TaskGroup group(runtime, "askers");
    for (int i = 0; i < 4; ++i) {
      const auto asker = [](Module& one) -> Task<void> {
        const std::string invitee = "@" + std::string(1 << 20, 'q') + ":hs.test";
        const ModuleQuestion question = invite(invitee);
        const auto answer = co_await one.ask(question);
        EXPECT_EQ(answer.status, LARES_GONE);
      };
      spawn(group, "asker", asker(asked));
    }
    co_await runtime.sleep_for(milliseconds(50));
    EXPECT_EQ(::kill(asked.process(), SIGKILL), 0);
    co_await group.join();
  }(runtime_, *module));
  EXPECT_EQ(ask_patiently(*module).status, LARES_OK);
  EXPECT_EQ(module->starts(), 2u);
  EXPECT_EQ(lines.count_with("The module unruly is gone: its process has ended. It is started again in",
                             " - WARNING - "),
            1u);
  EXPECT_EQ(lines.count_with(" - ERROR - ", "module"), 0u);
  run_blocking(runtime_, "stop", module->stop());
}

TEST_F(UnrulyModule, IsToldByTheSameHandleThatNobodyWaitsForItsState) {
  Lines lines;
  const auto comes = [&lines](Runtime& runtime, std::string_view line) -> Task<bool> {
    for (int i = 0; i < 4000 && lines.count(line) == 0; ++i) {
      co_await runtime.sleep_for(milliseconds(5));
    }
    co_return lines.count(line) != 0;
  };
  const auto goes_on_without = [&](Module& module) -> Task<void> {
    TaskGroup group(runtime_, "keeper");
    spawn(group, "keeper", [](Module& one) -> Task<void> { (void)co_await one.save(); }(module));
    EXPECT_TRUE(co_await comes(runtime_, "it is kept"));
    group.cancel();
    co_await group.join();
    EXPECT_TRUE(co_await comes(runtime_, "what was kept is cancelled"));
  };
  std::unique_ptr<Module> module;
  ModuleSettings patient = settings(milliseconds(20'000));
  patient.name = "hesitant";
  for (const bool apart : {false, true}) {
    lines.clear();
    if (apart) {
      module = in_its_process(patient, "hesitant");
    } else {
      module = std::make_unique<LocalModule>(runtime_, std::make_shared<ModuleLibrary>(library("hesitant")),
                                             patient);
    }
    run_blocking(runtime_, "start", module->start());
    run_blocking(runtime_, "save", goes_on_without(*module));
    EXPECT_EQ(lines.count("what was not kept"), 0u);
    run_blocking(runtime_, "stop", module->stop());
  }
}

TEST_F(UnrulyModule, IsCheckedInItsProcessAsInTheServers) {
  const auto refusal = [this](const std::string& name) -> std::string {
    const auto module = in_its_process(settings(milliseconds(20'000)), name);
    try {
      run_blocking(runtime_, "start", module->start());
    } catch (const StartError& error) {
      return error.what();
    }
    run_blocking(runtime_, "stop", module->stop());
    return "started";
  };
  EXPECT_EQ(
      refusal("needy_module"),
      "test: the module \"needy_module\" cannot start: it needs lares.future/1, which this server does not "
      "offer to modules. Install a newer release of Lares, or an older one of the module.");
  EXPECT_EQ(refusal("hollow_module"),
            "test: the module \"hollow_module\" cannot start: its descriptor lacks `create`, `extension` or "
            "`destroy`. Correct the module and build it again.");
  EXPECT_EQ(refusal("contrary_module"),
            "test: the module \"contrary_module\" cannot start: its descriptor contradicts its note. It is "
            "damaged, or was built by hand: install it again.");
}

class UnrulyModuleInThisProcess : public UnrulyModule {
 protected:
  std::unique_ptr<LocalModule> started(ModuleSettings settings) {
    auto module = std::make_unique<LocalModule>(runtime_, std::make_shared<ModuleLibrary>(library("unruly")),
                                                std::move(settings));
    run_blocking(runtime_, "start", module->start());
    return module;
  }
  // How long its end holds up whoever ends it.
  milliseconds stopped_within(Module& module) {
    const auto before = runtime_.steady_now();
    run_blocking(runtime_, "stop", module.stop());
    return std::chrono::duration_cast<milliseconds>(runtime_.steady_now() - before);
  }
};

TEST_F(UnrulyModuleInThisProcess, IsDestroyedOnceItHasStopped) {
  const auto module = started(settings(milliseconds(20'000), R"(,"stop_ms":1,"destroy_ms":1)"));
  run_blocking(runtime_, "stop", module->stop());
  EXPECT_FALSE(module->left());
  EXPECT_EQ(notes(), (std::vector<std::string>{"created", "destroyed"}));
}

TEST_F(UnrulyModuleInThisProcess, HoldsUpNothingWhereItIsSlowToStop) {
  auto module = started(settings(milliseconds(200), R"(,"stop_ms":3000)"));
  EXPECT_LT(stopped_within(*module), milliseconds(2000));
  EXPECT_TRUE(module->left());
  EXPECT_EQ(notes(), (std::vector<std::string>{"created"}));
  keep(std::move(module));
}

TEST_F(UnrulyModuleInThisProcess, HoldsUpNothingWhereItIsSlowToBeDestroyed) {
  auto module = started(settings(milliseconds(200), R"(,"destroy_ms":3000)"));
  EXPECT_LT(stopped_within(*module), milliseconds(2000));
  EXPECT_TRUE(module->left());
  keep(std::move(module));
}

TEST_F(UnrulyModuleInThisProcess, IsLeftWhereItThrowsInsteadOfStopping) {
  auto module = started(settings(milliseconds(20'000), R"(,"stop_throws":1)"));
  run_blocking(runtime_, "stop", module->stop());
  EXPECT_TRUE(module->left());
  EXPECT_EQ(notes(), (std::vector<std::string>{"created"}));
  keep(std::move(module));
}

}  // namespace
}  // namespace lares::host
