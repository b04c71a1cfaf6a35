// SPDX-License-Identifier: Apache-2.0
#include <lares/base/log.hpp>
#include <lares/base/loggers.hpp>

#include "log_layout.hpp"
#include "log_sink.hpp"

#include <lares/base/strings.hpp>

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

namespace lares::log {

namespace {

constexpr std::chrono::seconds kFlushLimit{5};
/// A line for each change of context: off until a level is set for it by its own name.
constexpr std::string_view kContextTrace = "lares.logging.context.debug";
constexpr std::size_t kMaxMessage = std::size_t{64} * 1024;

/// Where every logger's records go: to the sinks that there are at the time.
class Router final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& record) override;
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
};

/// A logger of ours and the one of spdlog behind it, which no registry knows: levels are set here alone.
struct Channel : detail::Node {
  Channel(std::string_view called, const std::shared_ptr<Router>& router)
      : Node{.name = std::string{called}}, logger{name, router} {
    logger.set_level(spdlog::level::trace);
  }
  mutable spdlog::logger logger;
};

using Sinks = std::vector<std::shared_ptr<Sink>>;

/// Loggers, levels and sinks of the process. Never destroyed: code that runs at the very end may log.
struct System {
  /// For nodes and levels.
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Channel>, std::less<>> nodes;
  std::map<std::string, Level, std::less<>> set;

  const std::shared_ptr<Router> router = std::make_shared<Router>();
  /// The latest of `configured`, null before there is one. Read for each record, without a lock, since
  /// threads that log would wait for each other's processor to give up the lock's cache line.
  std::atomic<const Sinks*> sinks{nullptr};
  /// For `configured`.
  std::mutex configure_mutex;
  /// All that there ever were, since a thread may still be on its way to a former one. Of the sinks that were
  /// replaced little is left.
  std::vector<std::unique_ptr<const Sinks>> configured;

  std::atomic<bool> capturing{false};
  /// For the two after it.
  std::mutex capture_mutex;
  Capture* capture = nullptr;
  Layout capture_layout = Layout::kHuman;

  System() { set.emplace("", Level::kWarning); }

  /// With the mutex held.
  [[nodiscard]] Level level_for(std::string_view name) const {
    if (name == kContextTrace && !set.contains(name)) {
      return Level::kOff;
    }
    for (;;) {
      if (const auto found = set.find(name); found != set.end()) {
        return found->second;
      }
      if (name.empty()) {
        return Level::kInfo;
      }
      const std::size_t dot = name.rfind('.');
      name = dot == std::string_view::npos ? std::string_view{} : name.substr(0, dot);
    }
  }
  void apply() {
    for (const auto& [name, node] : nodes) {
      node->effective.store(level_for(name), std::memory_order_relaxed);
    }
  }
};

System& the_system() {
  static System* const system = new System;
  return *system;
}

/// A line in a layout, until the thread's next one.
std::string_view lay_out(const spdlog::details::log_msg& record, Layout layout) {
  static thread_local std::array<std::unique_ptr<spdlog::formatter>, 3> formatters;
  static thread_local spdlog::memory_buf_t line;
  std::unique_ptr<spdlog::formatter>& formatter = formatters[static_cast<std::size_t>(layout)];
  if (!formatter) {
    formatter = make_formatter(layout);
  }
  line.clear();
  formatter->format(record, line);
  return {line.data(), line.size()};
}

/// False when the tests' capture is no longer there.
bool capture(System& system, const spdlog::details::log_msg& record) {
  const std::lock_guard one_at_a_time{system.capture_mutex};
  if (system.capture == nullptr) {
    return false;
  }
  const std::string_view line = lay_out(record, system.capture_layout);
  system.capture->line(line.substr(0, line.size() - 1));
  return true;
}

/// False when they have been replaced meanwhile, and take nothing more. Where there are several, the first of
/// them may have the record by then, which is better there twice than missing in the others.
bool push_to(const Sinks& sinks, const spdlog::details::log_msg& record) {
  const Level level = from_spdlog(record.level);
  const Sink* laid_out_for = nullptr;
  std::string_view line;
  for (const std::shared_ptr<Sink>& sink : sinks) {
    if (level < sink->options().level) {
      continue;
    }
    if (laid_out_for == nullptr || laid_out_for->options().layout != sink->options().layout) {
      line = lay_out(record, sink->options().layout);
      laid_out_for = sink.get();
    }
    if (!sink->push(line, level >= Level::kError)) {
      return false;
    }
  }
  return true;
}

void Router::log(const spdlog::details::log_msg& record) {
  System& system = the_system();
  if (system.capturing.load(std::memory_order_acquire) && capture(system, record)) {
    return;
  }
  const Sinks* sinks = system.sinks.load(std::memory_order_acquire);
  if (sinks == nullptr) {
    const std::string_view line = lay_out(record, Layout::kHuman);
    std::fwrite(line.data(), 1, line.size(), stderr);
    return;
  }
  while (!push_to(*sinks, record)) {
    sinks = system.sinks.load(std::memory_order_acquire);
  }
}

}  // namespace

std::string_view to_string(Level level) noexcept {
  constexpr std::array<std::string_view, 6> kNames{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "OFF"};
  return kNames[static_cast<std::size_t>(level)];
}

std::optional<Level> parse_level(std::string_view name) noexcept {
  for (const Level level :
       {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError, Level::kCritical, Level::kOff}) {
    if (equals_ignore_case(name, to_string(level))) {
      return level;
    }
  }
  return equals_ignore_case(name, "WARN") ? std::optional{Level::kWarning} : std::nullopt;
}

Logger::Logger(std::string_view name) {
  System& system = the_system();
  const std::lock_guard lock{system.mutex};
  const auto found = system.nodes.find(name);
  if (found != system.nodes.end()) {
    node_ = found->second.get();
    return;
  }
  auto node = std::make_unique<Channel>(name, system.router);
  node->effective.store(system.level_for(name), std::memory_order_relaxed);
  node_ = node.get();
  system.nodes.emplace(node->name, std::move(node));
}

namespace detail {

void write(const Node& node, Level level, const std::source_location& where, fmt::string_view format,
           fmt::format_args args) noexcept {
  try {
    fmt::memory_buffer message;
    fmt::vformat_to(fmt::appender{message}, format, args);
    write_plain(node, level, where, {message.data(), message.size()});
  } catch (...) {
    // Formatting ran out of memory, or an argument's own formatter threw; neither may reach the caller.
  }
}

void write_plain(const Node& node, Level level, const std::source_location& where,
                 std::string_view message) noexcept {
  try {
    message = message.substr(0, kMaxMessage);
    static_cast<const Channel&>(node).logger.log(
        spdlog::source_loc{where.file_name(), static_cast<int>(where.line()), where.function_name()},
        to_spdlog(level), spdlog::string_view_t{message.data(), message.size()});
  } catch (...) {
    // Out of memory.
  }
}

}  // namespace detail

std::expected<void, std::string> configure(Options options) {
  std::vector<std::shared_ptr<Sink>> sinks;
  for (const SinkOptions& wanted : options.sinks) {
    auto sink = Sink::open(wanted, options.max_waiting_bytes);
    if (!sink) {
      for (const std::shared_ptr<Sink>& opened : sinks) {
        opened->close(kFlushLimit);
      }
      return std::unexpected{std::move(sink.error())};
    }
    sinks.push_back(std::move(*sink));
  }
  System& system = the_system();
  {
    const std::lock_guard lock{system.mutex};
    system.set.clear();
    system.set.emplace("", options.root_level);
    for (auto& [name, level] : options.levels) {
      system.set.insert_or_assign(std::move(name), level);
    }
    system.apply();
  }
  const Sinks* former = nullptr;
  {
    const std::lock_guard lock{system.configure_mutex};
    system.configured.push_back(std::make_unique<const Sinks>(std::move(sinks)));
    former = system.sinks.exchange(system.configured.back().get(), std::memory_order_acq_rel);
  }
  if (former == nullptr) {
    std::atexit([] { flush(); });
    return {};
  }
  for (const std::shared_ptr<Sink>& sink : *former) {
    sink->close(kFlushLimit);
  }
  return {};
}

void set_level(std::string_view logger, std::optional<Level> level) {
  System& system = the_system();
  const std::lock_guard lock{system.mutex};
  if (level) {
    system.set.insert_or_assign(std::string{logger}, *level);
  } else if (const auto found = system.set.find(logger); found != system.set.end() && !logger.empty()) {
    system.set.erase(found);
  }
  system.apply();
}

Level level_of(std::string_view logger) {
  System& system = the_system();
  const std::lock_guard lock{system.mutex};
  return system.level_for(logger);
}

std::vector<std::pair<std::string, Level>> levels() {
  System& system = the_system();
  const std::lock_guard lock{system.mutex};
  return {system.set.begin(), system.set.end()};
}

std::vector<std::string> logger_names() {
  System& system = the_system();
  const std::lock_guard lock{system.mutex};
  std::vector<std::string> names;
  for (const auto& [name, node] : system.nodes) {
    names.push_back(name);
  }
  return names;
}

void reopen() noexcept {
  if (const Sinks* const sinks = the_system().sinks.load(std::memory_order_acquire)) {
    for (const std::shared_ptr<Sink>& sink : *sinks) {
      sink->reopen();
    }
  }
}

void flush() noexcept {
  if (const Sinks* const sinks = the_system().sinks.load(std::memory_order_acquire)) {
    for (const std::shared_ptr<Sink>& sink : *sinks) {
      sink->flush(kFlushLimit);
    }
  }
}

std::uint64_t dropped_records() noexcept {
  System& system = the_system();
  const std::lock_guard lock{system.configure_mutex};
  std::uint64_t sum = 0;
  for (const std::unique_ptr<const Sinks>& sinks : system.configured) {
    for (const std::shared_ptr<Sink>& sink : *sinks) {
      sum += sink->dropped();
    }
  }
  return sum;
}

Capture::~Capture() = default;

void set_capture(Capture* capture, Layout layout) {
  System& system = the_system();
  const std::lock_guard lock{system.capture_mutex};
  system.capture = capture;
  system.capture_layout = layout;
  system.capturing.store(capture != nullptr, std::memory_order_release);
}

}  // namespace lares::log
