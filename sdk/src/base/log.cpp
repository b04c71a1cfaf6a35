// SPDX-License-Identifier: Apache-2.0
#include <lares/base/log.hpp>

#include "log_layout.hpp"
#include "log_sink.hpp"

#include <lares/async/log_context.hpp>
#include <lares/base/strings.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <shared_mutex>

namespace lares::log {

namespace {

constexpr std::chrono::seconds kFlushLimit{5};
constexpr std::size_t kMaxMessage = std::size_t{64} * 1024;

/// Loggers, levels and sinks of the process. Never destroyed: code that runs at the very end may log.
struct System {
  /// For nodes and levels.
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<detail::Node>, std::less<>> nodes;
  std::map<std::string, Level, std::less<>> set;

  std::shared_mutex sinks_mutex;
  std::vector<std::shared_ptr<Sink>> sinks;
  bool configured = false;
  std::uint64_t dropped_before = 0;
  Capture* capture = nullptr;
  std::mutex capture_mutex;
  Layout capture_layout = Layout::kHuman;

  System() { set.emplace("", Level::kWarning); }

  /// With the mutex held.
  [[nodiscard]] Level level_for(std::string_view name) const {
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

std::int64_t wall_clock_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void deliver(const Record& record) {
  static thread_local std::string line;
  System& system = the_system();
  const std::shared_lock lock{system.sinks_mutex};
  const auto lay_out = [&](Layout layout) {
    line.clear();
    append_line(line, record, layout);
  };
  if (system.capture != nullptr) {
    lay_out(system.capture_layout);
    const std::lock_guard one_at_a_time{system.capture_mutex};
    system.capture->line(std::string_view{line}.substr(0, line.size() - 1));
    return;
  }
  if (!system.configured) {
    lay_out(Layout::kHuman);
    std::fwrite(line.data(), 1, line.size(), stderr);
    return;
  }
  const Sink* laid_out_for = nullptr;
  for (const std::shared_ptr<Sink>& sink : system.sinks) {
    if (record.level < sink->options().level) {
      continue;
    }
    if (laid_out_for == nullptr || laid_out_for->options().layout != sink->options().layout) {
      lay_out(sink->options().layout);
      laid_out_for = sink.get();
    }
    sink->push(line, record.level >= Level::kError);
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
  auto node = std::make_unique<detail::Node>();
  node->name = name;
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
    deliver({.logger = node.name,
             .level = level,
             .line = where.line(),
             .time_ms = wall_clock_ms(),
             .message = message.substr(0, kMaxMessage),
             .context = &current_context()});
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
  {
    const std::unique_lock lock{system.sinks_mutex};
    for (const std::shared_ptr<Sink>& sink : system.sinks) {
      system.dropped_before += sink->dropped();
    }
    std::swap(system.sinks, sinks);
    if (!std::exchange(system.configured, true)) {
      std::atexit([] { flush(); });
    }
  }
  for (const std::shared_ptr<Sink>& former : sinks) {
    former->close(kFlushLimit);
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

void reopen() noexcept {
  System& system = the_system();
  const std::shared_lock lock{system.sinks_mutex};
  for (const std::shared_ptr<Sink>& sink : system.sinks) {
    sink->reopen();
  }
}

void flush() noexcept {
  System& system = the_system();
  const std::shared_lock lock{system.sinks_mutex};
  for (const std::shared_ptr<Sink>& sink : system.sinks) {
    sink->flush(kFlushLimit);
  }
}

std::uint64_t dropped_records() noexcept {
  System& system = the_system();
  const std::shared_lock lock{system.sinks_mutex};
  std::uint64_t sum = system.dropped_before;
  for (const std::shared_ptr<Sink>& sink : system.sinks) {
    sum += sink->dropped();
  }
  return sum;
}

Capture::~Capture() = default;

void set_capture(Capture* capture, Layout layout) {
  System& system = the_system();
  const std::unique_lock lock{system.sinks_mutex};
  system.capture = capture;
  system.capture_layout = layout;
}

}  // namespace lares::log
