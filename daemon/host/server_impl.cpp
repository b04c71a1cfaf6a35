// SPDX-License-Identifier: Apache-2.0
#include <host/catalogue.hpp>
#include <host/server_impl.hpp>
#include <host/start_order.hpp>
#include <http/router_impl.hpp>

#include <lares/async/log_context.hpp>
#include <lares/async/runtime.hpp>
#include <lares/base/error.hpp>
#include <lares/storage/database.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <ranges>
#include <utility>

namespace lares::host {
namespace {

// How long a cancelled call may take to notice.
constexpr std::chrono::seconds kGrace{2};

constexpr std::string_view kErrorOfPlugin =
    "This may be an error in the plugin: install it and the server again from one release; where that does "
    "not "
    "help, report it with the log of this start.";

// What a plugin throws becomes a sentence that begins with its file.
[[noreturn]] void rethrow_as_start_error(const PluginLibrary& plugin, const char* step) {
  const auto who =
      fmt::format("{}: the plugin \"{}\" cannot {}", plugin.file().string(), plugin.name(), step);
  try {
    throw;
  } catch (const StartError& error) {
    throw StartError(fmt::format("{}: {}", who, error.what()), error.exit_code());
  } catch (const std::exception& error) {
    throw StartError(fmt::format("{}: {}. {}", who, error.what(), kErrorOfPlugin), 1);
  } catch (...) {
    throw StartError(fmt::format("{}, and does not say why. {}", who, kErrorOfPlugin), 1);
  }
}

Task<void> keep_error(Task<void> task, std::shared_ptr<std::exception_ptr> error) {
  try {
    co_await std::move(task);
  } catch (...) {
    *error = std::current_exception();
  }
}

}  // namespace

ServerImpl::ServerImpl(ConfigPtr config, Runtime& runtime, http::RouterImpl& router,
                       metrics::Registry& metrics)
    : config_(std::move(config)),
      runtime_(runtime),
      router_(router),
      metrics_(metrics),
      name_(config_->string("server_name")),
      instance_(config_->string("worker_name")),
      app_(config_->string("worker_app")) {}

ServerImpl::~ServerImpl() {
  if (clean()) {
    destroy_plugins();
  }
}

ConfigPtr ServerImpl::config() const noexcept {
  const std::lock_guard lock(config_mutex_);
  return config_;
}

http::Router& ServerImpl::router() noexcept {
  return router_;
}

void ServerImpl::construct(const Catalogue& catalogue) {
  std::vector<OrderedPlugin> candidates;
  for (const auto& library : catalogue.plugins()) {
    const auto& note = library.note();
    candidates.push_back({note.name, note.provides, note.needs, true, library.file().string()});
    if (const auto active = library.descriptor().active; active != nullptr) {
      try {
        candidates.back().active = active(*this);
      } catch (...) {
        rethrow_as_start_error(library, "say whether it is active");
      }
    }
  }
  services_.set_known_providers([&catalogue](std::string_view id) {
    std::vector<std::string> known;
    for (const auto& library : catalogue.plugins()) {
      if (std::ranges::find(library.note().provides, id) != library.note().provides.end()) {
        known.push_back(library.name());
      }
    }
    return known;
  });
  const auto given = services_.ids();
  const auto order = start_order(candidates, given);
  if (!order) {
    throw StartError(fmt::format("{}", fmt::join(order.error(), "\n")));
  }
  try {
    for (const auto index : *order) {
      construct_one(catalogue.plugins()[index]);
    }
  } catch (...) {
    destroy_plugins();
    throw;
  }
  services_.seal();
}

void ServerImpl::construct_one(const PluginLibrary& library) {
  services_.set_plugin(library.name());
  router_.set_plugin(library.name());
  Plugin* plugin = nullptr;
  try {
    plugin = library.descriptor().create(*this);
  } catch (...) {
    rethrow_as_start_error(library, "be constructed");
  }
  if (plugin == nullptr) {
    throw StartError(fmt::format("{}: the plugin \"{}\" was not constructed, and does not say why. {}",
                                 library.file().string(), library.name(), kErrorOfPlugin));
  }
  plugins_.push_back({&library, plugin});
  for (const auto& id : services_.provided_by(library.name())) {
    if (std::ranges::find(library.note().provides, id) == library.note().provides.end()) {
      throw StartError(fmt::format(
          "{}: the plugin \"{}\" provides {}, which its descriptor does not say, so nothing can be started "
          "in the right order. Add it to `provides` and build it again.",
          library.file().string(), library.name(), id));
    }
  }
}

void ServerImpl::destroy_plugins() noexcept {
  while (!plugins_.empty()) {
    const auto last = plugins_.back();
    plugins_.pop_back();
    last.library->descriptor().destroy(last.plugin);
  }
}

Task<ServerImpl::Outcome> ServerImpl::limited(const Active& active, const char* step, Task<void> task,
                                              SteadyTime deadline) {
  auto group = std::make_shared<TaskGroup>(runtime_, fmt::format("{} of {}", step, active.library->name()));
  auto error = std::make_shared<std::exception_ptr>();
  spawn(*group, Background(RefPtr<LogContext>(&current_context())), keep_error(std::move(task), error));
  bool in_time = false;
  try {
    in_time = co_await group->join(deadline);
  } catch (...) {
    // Cancelled ourselves: stop() waits for what the plugin still does.
    group->cancel();
    unfinished_.push_back(std::move(group));
    throw;
  }
  if (!in_time) {
    group->cancel();
    if (!co_await group->join(runtime_.steady_now() + kGrace)) {
      abandoned_.push_back(std::move(group));
      co_return Outcome::Abandoned;
    }
    co_return Outcome::Late;
  }
  if (*error) {
    std::rethrow_exception(*error);
  }
  co_return Outcome::Done;
}

Task<void> ServerImpl::start(std::chrono::milliseconds timeout, DatabaseStep database_step) {
  for (auto& active : plugins_) {
    std::exception_ptr failure;
    const auto& name = active.library->name();
    try {
      active.started = true;
      auto starting = active.plugin->start();
      const auto outcome =
          co_await limited(active, "start", std::move(starting), runtime_.steady_now() + timeout);
      if (outcome != Outcome::Done) {
        throw StartError(fmt::format("it has not started within {} ms. Look at what it waits for, or raise "
                                     "`start_timeout`.",
                                     timeout.count()),
                         1);
      }
    } catch (...) {
      try {
        rethrow_as_start_error(*active.library, "start");
      } catch (...) {
        failure = std::current_exception();
      }
    }
    if (!failure && database_step) {
      const auto provided = services_.provided_by(name);
      if (std::ranges::find(provided, storage::Database::kServiceId) != provided.end()) {
        try {
          auto& database = services_.get<storage::Database>();
          // A transaction cannot be cancelled, and may wait for hours while another process changes the
          // database.
          auto preparing = database_step(database);
          co_await limited(active, "database step", std::move(preparing), SteadyTime::max());
        } catch (...) {
          failure = std::current_exception();
        }
      }
    }
    if (failure) {
      std::rethrow_exception(failure);
    }
    log_.debug("Plugin {} {} started.", name, active.library->note().version);
  }
}

void ServerImpl::begin_drain() noexcept {
  for (const auto& active : std::views::reverse(plugins_)) {
    if (active.started) {
      active.plugin->begin_drain();
    }
  }
}

Task<void> ServerImpl::settle() {
  for (auto& group : std::exchange(unfinished_, {})) {
    if (!co_await group->join(runtime_.steady_now() + kGrace)) {
      unfinished_.push_back(std::move(group));
    }
  }
}

Task<void> ServerImpl::drain(SteadyTime deadline) {
  co_await settle();
  for (const auto& active : std::views::reverse(plugins_)) {
    if (!active.started) {
      continue;
    }
    try {
      auto draining = active.plugin->drain();
      const auto outcome = co_await limited(active, "drain", std::move(draining), deadline);
      if (outcome != Outcome::Done) {
        log_.warning("The plugin {} had work left at the end of drain_timeout; it was cancelled.",
                     active.library->name());
      }
    } catch (const std::exception& error) {
      log_.error("The plugin {} failed to finish its work: {}.", active.library->name(), error.what());
    } catch (...) {
      log_.error("The plugin {} failed to finish its work, and does not say why.", active.library->name());
    }
  }
}

Task<void> ServerImpl::stop(std::chrono::milliseconds timeout) {
  co_await settle();
  for (auto& active : std::views::reverse(plugins_)) {
    if (!std::exchange(active.started, false)) {
      continue;
    }
    auto stopping = active.plugin->stop();
    auto outcome = Outcome::Done;
    try {
      outcome = co_await limited(active, "stop", std::move(stopping), runtime_.steady_now() + timeout);
    } catch (const std::exception& error) {
      log_.error("The plugin {} failed to stop: {}.", active.library->name(), error.what());
    } catch (...) {
      log_.error("The plugin {} failed to stop, and does not say why.", active.library->name());
    }
    if (outcome == Outcome::Late) {
      log_.warning("The plugin {} did not stop within {} ms; it was cancelled, and has stopped then.",
                   active.library->name(), timeout.count());
    } else if (outcome == Outcome::Abandoned) {
      log_.error("The plugin {} did not stop within {} ms; the process ends without it.",
                 active.library->name(), timeout.count());
    }
  }
  // A transaction ends with its database at the latest.
  co_await settle();
}

ReloadReport ServerImpl::reload(ConfigPtr config) {
  {
    const std::lock_guard lock(config_mutex_);
    config_ = config;
  }
  ReloadReport report;
  for (const auto& active : plugins_) {
    try {
      auto part = active.plugin->reload(*config);
      std::ranges::move(part.changed, std::back_inserter(report.changed));
      std::ranges::move(part.refused, std::back_inserter(report.refused));
    } catch (const std::exception& error) {
      report.refused.push_back(
          fmt::format("everything of the plugin {}: {}", active.library->name(), error.what()));
    } catch (...) {
      report.refused.push_back(
          fmt::format("everything of the plugin {}: it does not say why", active.library->name()));
    }
  }
  return report;
}

std::vector<std::string> ServerImpl::plugin_names() const {
  std::vector<std::string> names;
  for (const auto& active : plugins_) {
    names.push_back(active.library->name());
  }
  return names;
}

}  // namespace lares::host
