// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <host/command_line.hpp>
#include <host/pid_file.hpp>
#include <host/service_manager.hpp>
#include <host/settings.hpp>

#include <lares/async/event.hpp>
#include <lares/async/runtime.hpp>
#include <lares/async/task.hpp>
#include <lares/async/task_group.hpp>
#include <lares/base/log.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace lares::host {

class Assembly;

/// One running server in a process: starts it, watches signals, reloads, drains, stops.
///
/// **Threads**: the first loop of the runtime.
class Process {
 public:
  Process(const CommandLine& command_line, Settings& settings, Runtime& runtime, ServiceManager& manager);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  /// How a run ended.
  struct Ending {
    std::exception_ptr failure;  ///< why there was no start, or null; StartError mostly
    bool clean = true;           ///< false: something still runs, so no destructor of the runtime may
  };

  /// From construction of the plugins to their end.
  Task<Ending> run();

 private:
  Task<void> watch_signals();
  Task<void> start(Assembly& assembly);
  // start(), cut off by a signal: then it returns without an error.
  Task<void> start_or_signal(Assembly& assembly);
  Task<void> serve(Assembly& assembly);
  void reload(Assembly& assembly);
  Task<void> end(Assembly& assembly);
  // Awaits a stop for a limited time; what has not stopped then is named in the log and left.
  Task<void> stop_in_time(std::string_view what, Task<void> stopping);
  Task<void> keep_manager_patient();

  const CommandLine& command_line_;
  Settings& settings_;
  Runtime& runtime_;
  ServiceManager& manager_;
  TaskGroup background_;
  std::optional<TaskGroup> starting_;
  Notification signalled_;
  std::optional<PidFile> pid_file_;
  // What did not stop in time.
  std::vector<std::unique_ptr<TaskGroup>> left_;
  bool serving_ = false;
  bool terminate_ = false;
  bool hangup_ = false;
  log::Logger log_{"lares.host"};
};

}  // namespace lares::host
