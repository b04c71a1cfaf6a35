// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/module.hpp>

#include <lares/async/measure.hpp>
#include <lares/async/task.hpp>
#include <lares/base/metrics.hpp>
#include <lares/plugin/server.hpp>
#include <lares/service/spam_checker.hpp>

#include <cstddef>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lares::host {

/// Where modules and their runner are.
struct ModulePlaces {
  std::vector<std::filesystem::path> folders;
  std::filesystem::path runner;
};

/// As `module_folders` says, else those of the installation.
[[nodiscard]] ModulePlaces module_places(const Config& config);

/// The modules of one server, as `modules` configures them, behind the services that the server's own code
/// asks.
///
/// **Threads**: asked from any; the rest on the first loop.
/// **Lifetime**: longer than the plugins that ask.
class ModuleHost final : public service::SpamChecker {
 public:
  /// Loads the modules and creates their instances; those with a process of their own are only checked.
  /// **Errors**: StartError.
  ModuleHost(Server& server, const ModulePlaces& places);
  /// The same with modules that are there already.
  ModuleHost(Runtime& runtime, std::string_view server_name, std::vector<std::unique_ptr<Module>> modules);
  ~ModuleHost() override;

  /// **Errors**: StartError naming the module.
  Task<void> start();
  /// Starts and stops them, so that those with a process of their own have seen their configuration, too.
  /// **Errors**: as start().
  Task<void> check();
  Task<void> stop();
  /// False if a module did not stop: its threads run on, so the process must end without destructors.
  [[nodiscard]] bool clean() const noexcept;

  [[nodiscard]] bool asks(Hook hook) const noexcept override;
  Task<service::SpamVerdict> check_event(const matrix::Event& event,
                                         std::optional<matrix::RoomId> room) override;
  Task<service::SpamVerdict> user_may_invite(matrix::UserId inviter, matrix::UserId invitee,
                                             std::optional<matrix::RoomId> room, bool federated) override;
  Task<service::SpamVerdict> user_may_join_room(matrix::UserId user, matrix::RoomId room,
                                                bool invited) override;
  Task<service::SpamVerdict> user_may_create_room(matrix::UserId user, std::string request) override;

  [[nodiscard]] const std::vector<std::unique_ptr<Module>>& modules() const noexcept { return modules_; }

 private:
  // The first module that denies decides.
  Task<service::SpamVerdict> ask_all(const ModuleQuestion& question);
  Task<ModuleAnswer> ask_one(Module& module, const ModuleQuestion& question);
  void count(const Module& module, std::size_t hook, std::string_view outcome) const;

  log::Logger log_{"lares.host.modules"};
  metrics::Family<metrics::Counter> calls_;
  std::deque<MeasuredBlock> blocks_;  // by hook
  std::vector<std::unique_ptr<Module>> modules_;
  bool running_ = false;
};

/// The runner beside the running program.
[[nodiscard]] std::filesystem::path default_module_runner();

}  // namespace lares::host
