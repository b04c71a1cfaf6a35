// SPDX-License-Identifier: Apache-2.0
#include <host/logging.hpp>

#include <lares/base/error.hpp>
#include <lares/base/log.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>
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

std::vector<std::pair<std::string, log::Level>> levels(const Config& config) {
  std::vector<std::pair<std::string, log::Level>> result;
  for (const auto& [logger, name] : config.get("log.levels").items()) {
    result.emplace_back(logger, level(name.get<std::string>()));
  }
  return result;
}

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
