// SPDX-License-Identifier: Apache-2.0
#include <host/logging.hpp>

#include <lares/base/error.hpp>
#include <lares/base/log.hpp>
#include <lares/base/loggers.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lares::host {
namespace {

log::Level level(const std::string& name) {
  return log::parse_level(name).value_or(log::Level::kInfo);
}

log::Layout layout(const std::string& name) {
  if (name == "json") {
    return log::Layout::kJson;
  }
  return name == "terse_json" ? log::Layout::kTerseJson : log::Layout::kHuman;
}

// Operators bring the names that they have tuned at Synapse: what stands below `synapse` there stands below
// `lares` here.
std::string logger_name(const std::string& configured) {
  constexpr std::string_view kTheirs = "synapse";
  if (configured == kTheirs || configured.starts_with("synapse.")) {
    return "lares" + configured.substr(kTheirs.size());
  }
  return configured;
}

std::vector<std::pair<std::string, log::Level>> levels(const Config& config) {
  std::vector<std::pair<std::string, log::Level>> result;
  for (const auto& [logger, name] : config.get("log.levels").items()) {
    result.emplace_back(logger_name(logger), level(name.get<std::string>()));
  }
  return result;
}

// Those that only a rare mishap, or a level of their own, brings to life.
constexpr std::string_view kLateLoggers[] = {"lares.async", "lares.logging.context",
                                             "lares.logging.context.debug", "lares.runtime"};

}  // namespace

void configure_logging(const Config& config) {
  const auto done = log::configure({
      .root_level = level(config.string("log.level")),
      .levels = levels(config),
      .sinks = {{.layout = layout(config.string("log.format")), .file = config.string("log.file")}},
  });
  if (!done) {
    throw StartError(fmt::format("{}: log.file: {}", config.origin("log.file"), done.error()));
  }
}

void warn_of_unknown_loggers(const Config& config) {
  auto names = log::logger_names();
  names.insert(names.end(), std::begin(kLateLoggers), std::end(kLateLoggers));
  const log::Logger logger("lares.host");
  for (const auto& [configured, level] : config.get("log.levels").items()) {
    const auto wanted = logger_name(configured);
    const bool known = std::ranges::any_of(names, [&wanted](const std::string& name) {
      return name == wanted || (name.starts_with(wanted) && name[wanted.size()] == '.');
    });
    if (!known) {
      logger.warning(
          "log.levels.{} has no effect: this process has no logger of that name and none below it. Those it "
          "has: {}.",
          configured, fmt::join(log::logger_names(), ", "));
    }
  }
}

void apply_log_levels(const Config& before, const Config& after) {
  for (const auto& [logger, former] : levels(before)) {
    log::set_level(logger, std::nullopt);
  }
  log::set_level("", level(after.string("log.level")));
  for (const auto& [logger, chosen] : levels(after)) {
    log::set_level(logger, chosen);
  }
}

}  // namespace lares::host
