// SPDX-License-Identifier: Apache-2.0
#include <host/assembly.hpp>
#include <host/early_hangup.hpp>
#include <host/logging.hpp>
#include <host/process.hpp>
#include <http/http_server.hpp>
#include <observe/process_metrics.hpp>

#include <lares/async/log_context.hpp>
#include <lares/base/error.hpp>
#include <lares/plugin/fingerprint.hpp>
#include <lares/service/start_check.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace lares::host {
namespace {

// What a plugin, or a part of the daemon, may take to stop once nothing is in flight: closing files and
// connections.
constexpr std::chrono::seconds kStopTimeout{10};
constexpr std::chrono::seconds kPatienceEvery{5};
constexpr std::chrono::seconds kPatience{30};

Task<void> keep_error(Task<void> task, std::exception_ptr& error) {
  try {
    co_await std::move(task);
  } catch (...) {
    error = std::current_exception();
  }
}

// Between the start of the storage plugin and that of all that need it. `closed`: why a listener is not open;
// a copy, since this may go on when whoever called it waits no more.
Task<void> prepare(Assembly& assembly, storage::Database& database, std::exception_ptr closed) {
  co_await assembly.data_care().migrate(database);
  for (service::StartCheck* check : assembly.server().services().all<service::StartCheck>()) {
    co_await check->check();
  }
  if (closed) {
    std::rethrow_exception(closed);
  }
}

// One line that tells the whole truth about a reload.
std::string describe_reload(const config::ConfigDiff& difference, const ReloadReport& report) {
  std::vector<std::string> in_force;
  for (const auto& key : difference.live) {
    const auto refused = [&key](const std::string& reason) {
      return reason.size() > key.size() && reason.starts_with(key) && reason[key.size()] == ':';
    };
    if (std::ranges::none_of(report.refused, refused)) {
      in_force.push_back(key);
    }
  }
  // Some things are read again though their keys say the same: certificates, for one.
  for (const auto& what : report.changed) {
    if (std::ranges::find(in_force, what) == in_force.end()) {
      in_force.push_back(what);
    }
  }
  if (in_force.empty() && report.refused.empty() && difference.restart.empty()) {
    return "Reloaded: nothing has changed.";
  }
  std::string line = "Reloaded.";
  const auto add = [&line](std::string_view heading, const std::vector<std::string>& items) {
    if (!items.empty()) {
      line += fmt::format(" {}: {}.", heading, fmt::join(items, ", "));
    }
  };
  add("Now in force", in_force);
  add("Refused", report.refused);
  add("Waiting for a restart", difference.restart);
  return line;
}

}  // namespace

Process::Process(const CommandLine& command_line, Settings& settings, Runtime& runtime,
                 ServiceManager& manager)
    : command_line_(command_line),
      settings_(settings),
      runtime_(runtime),
      manager_(manager),
      background_(runtime, "host") {}

Process::~Process() = default;

Task<Process::Ending> Process::run() {
  spawn(background_, "signals", watch_signals());
  Ending ending;
  try {
    auto assembly =
        std::make_unique<Assembly>(*settings_.host, settings_.config, runtime_, KeyUse::ReadOrMake);
    const std::string server_names[]{assembly->server().name()};
    const ProcessMetrics metrics(runtime_.metrics(), version(), server_names);
    co_await keep_error(start_or_signal(*assembly), ending.failure);
    if (!ending.failure && !terminate_) {
      co_await keep_error(serve(*assembly), ending.failure);
    }
    co_await end(*assembly);
    pid_file_.reset();
    ending.clean = left_.empty() && assembly->server().clean() && assembly->modules().clean();
    if (ending.clean) {
      log_.info("Stopped.");
    } else {
      log_.error("The process ends although not everything in it has stopped.");
      // What still runs uses it until the process is gone.
      static_cast<void>(assembly.release());
    }
  } catch (...) {
    ending.failure = ending.failure ? ending.failure : std::current_exception();
  }
  co_await background_.stop();
  co_return ending;
}

Task<void> Process::watch_signals() {
  boost::asio::signal_set signals(Loop::current()->io_context(), SIGTERM, SIGINT, SIGHUP);
  if (hangup_came()) {
    hangup_ = true;
    signalled_.notify();
  }
  for (;;) {
    const int number = co_await signals.async_wait(boost::asio::use_awaitable);
    if (number == SIGHUP) {
      hangup_ = true;
    } else if (terminate_) {
      log_.warning(
          "A second signal: the process ends at once; what was not yet answered is lost to its clients.");
      log::flush();
      ::_exit(1);
    } else {
      terminate_ = true;
      if (starting_) {
        starting_->cancel();
      }
    }
    signalled_.notify();
  }
}

Task<void> Process::keep_manager_patient() {
  for (;;) {
    manager_.extend_timeout(kPatience);
    co_await runtime_.sleep_for(kPatienceEvery);
  }
}

Task<void> Process::start_or_signal(Assembly& assembly) {
  TaskGroup patience(runtime_, "service manager");
  spawn(patience, "service_manager", keep_manager_patient());
  starting_.emplace(runtime_, "start");
  std::exception_ptr error;
  auto starting = start(assembly);
  spawn(*starting_, Background(RefPtr<LogContext>(&current_context())),
        keep_error(std::move(starting), error));
  co_await starting_->join();
  starting_.reset();
  co_await patience.stop();
  if (error && !terminate_) {
    std::rethrow_exception(error);
  }
}

Task<void> Process::start(Assembly& assembly) {
  if (assembly.keys().made()) {
    log_.info("Made the signing key {}. Keep a copy: without it the server's name cannot be used again.",
              assembly.keys().file().string());
  }
  // Where a listener cannot be opened, the process that has it may be one of this name: that is said first.
  std::exception_ptr closed;
  co_await keep_error(assembly.http().start(), closed);
  const auto timeout = settings_.config->duration("start_timeout");
  co_await assembly.server().start(timeout, [&assembly, &closed](storage::Database& database) {
    return prepare(assembly, database, closed);
  });
  if (closed) {
    std::rethrow_exception(closed);
  }
  co_await assembly.modules().start();
  // Not before: a second process that finds the port taken must not touch the file of the first.
  pid_file_.emplace(settings_.config->string("pid_file"));
  assembly.data_care().start();
  assembly.caches().start();
  assembly.http().ready();
  serving_ = true;
  log_.info("{} ({}) serves {} with {} plugins.", assembly.server().instance(), assembly.server().app(),
            assembly.server().name(), assembly.server().plugin_names().size());
  warn_of_unknown_loggers(*settings_.config);
}

Task<void> Process::serve(Assembly& assembly) {
  const auto status = fmt::format("Serving {}.", assembly.server().name());
  manager_.ready(status);
  for (;;) {
    const auto seen = signalled_.version();
    if (terminate_) {
      co_return;
    }
    if (std::exchange(hangup_, false)) {
      const auto monotonic =
          std::chrono::duration_cast<std::chrono::microseconds>(runtime_.steady_now().time_since_epoch());
      manager_.reloading(monotonic);
      reload(assembly);
      manager_.ready(status);
      continue;
    }
    co_await signalled_.wait_beyond(seen, SteadyTime::max());
  }
}

void Process::reload(Assembly& assembly) {
  log::reopen();
  const auto result = reload_settings(command_line_, *settings_.host);
  if (!result.config) {
    for (const auto& diagnostic : result.diagnostics) {
      log_.error("{}", config::to_string(diagnostic));
    }
    log_.error("The configuration was not reloaded: it has errors. What was in force stays in force.");
    return;
  }
  if (!result.absent_secrets.empty()) {
    // Only a start makes one: here it would take the secret that is in force from whoever uses it.
    log_.error(
        "The configuration was not reloaded: {} is not there. What was in force stays in force. Put the file "
        "back, or restart, which makes a new one.",
        result.absent_secrets.front());
    return;
  }
  for (const auto& diagnostic : result.diagnostics) {
    log_.warning("{}", config::to_string(diagnostic));
  }
  auto difference = config::diff(*settings_.config, *result.config);
  const auto next = config::apply_live(*settings_.config, *result.config);
  apply_log_levels(*settings_.config, *next);
  settings_.config = next;
  assembly.caches().reload(*next);
  auto report = assembly.server().reload(next);
  auto http = assembly.http().reload(*next);
  std::ranges::move(http.changed, std::back_inserter(report.changed));
  std::ranges::move(http.refused, std::back_inserter(report.refused));
  if (std::erase(difference.restart, "server_name") != 0) {
    report.refused.push_back(
        fmt::format("server_name: the database is that of {}, whose users and rooms bear this name",
                    assembly.server().name()));
  }
  log_.info("{}", describe_reload(difference, report));
  warn_of_unknown_loggers(*next);
}

Task<void> Process::end(Assembly& assembly) {
  const auto timeout = settings_.config->duration("drain_timeout");
  manager_.stopping("Finishing what is under way.");
  TaskGroup patience(runtime_, "service manager");
  spawn(patience, "service_manager", keep_manager_patient());
  const auto deadline = runtime_.steady_now() + timeout;
  if (serving_) {
    log_.info("Stopping: requests in flight have {} ms to finish.", timeout.count());
  }
  // Also after a start that failed or was cut off: what plugins began in it ends here.
  assembly.server().begin_drain();
  if (serving_) {
    co_await assembly.http().drain(timeout);
  }
  co_await assembly.server().drain(deadline);
  co_await stop_in_time("The care of the database", assembly.data_care().stop());
  co_await stop_in_time("The expiry of caches", assembly.caches().stop());
  co_await assembly.server().stop(kStopTimeout);
  co_await stop_in_time("A request in flight", assembly.http().stop());
  co_await stop_in_time("A module", assembly.modules().stop());
  co_await patience.stop();
}

Task<void> Process::stop_in_time(std::string_view what, Task<void> stopping) {
  auto group = std::make_unique<TaskGroup>(runtime_, "stop");
  spawn(*group, Background(RefPtr<LogContext>(&current_context())), std::move(stopping));
  if (!co_await group->join(runtime_.steady_now() + kStopTimeout)) {
    log_.error("{} did not stop within {} ms; the process ends without it.", what,
               std::chrono::milliseconds(kStopTimeout).count());
    left_.push_back(std::move(group));
  }
}

}  // namespace lares::host
