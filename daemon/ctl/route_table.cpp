// SPDX-License-Identifier: Apache-2.0
#include <ctl/route_table.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <tuple>

namespace lares::ctl {

namespace {

std::string_view access_name(http::Access access) {
  switch (access) {
    case http::Access::Public:
      return "public";
    case http::Access::User:
      return "user";
    case http::Access::Guest:
      return "guest";
    case http::Access::Admin:
      return "admin";
    case http::Access::AppService:
      return "appservice";
    case http::Access::Server:
      return "server";
    case http::Access::Worker:
      return "worker";
  }
  return "?";
}

std::vector<std::string> flags_of(const http::Route& route) {
  const auto& options = route.options;
  const bool account = route.access == http::Access::User || route.access == http::Access::Guest ||
                       route.access == http::Access::Admin;
  std::vector<std::string> flags;
  if (!options.rate_limit.empty()) {
    flags.push_back(fmt::format("limit={}", options.rate_limit));
  }
  if (account && !options.allow_suspended) {
    flags.emplace_back("not-suspended");
  }
  if (options.allow_locked) {
    flags.emplace_back("locked-too");
  }
  if (!options.cancellable) {
    flags.emplace_back("not-cancelled");
  }
  if (options.body_optional) {
    flags.emplace_back("body-optional");
  }
  if (!options.body_json) {
    flags.emplace_back("body-raw");
  }
  if (options.body_limit != 0) {
    flags.push_back(fmt::format("body-limit={}", options.body_limit));
  }
  return flags;
}

struct Line {
  std::string_view path;
  const http::Route* route;
};

std::vector<Line> lines_of(const std::vector<http::Route>& routes) {
  std::vector<Line> lines;
  for (const auto& route : routes) {
    for (const auto& pattern : route.patterns) {
      lines.push_back({pattern, &route});
    }
  }
  std::ranges::sort(lines, {}, [](const Line& line) { return std::tuple(line.path, line.route->method); });
  return lines;
}

}  // namespace

std::string routes_as_table(const std::vector<http::Route>& routes) {
  constexpr std::size_t kColumns = 7;
  std::vector<std::array<std::string, kColumns>> rows = {
      {"METHOD", "PATH", "PLUGIN", "ACCESS", "RESOURCE", "SHARD", "FLAGS"}};
  for (const Line& line : lines_of(routes)) {
    const auto& options = line.route->options;
    const auto flags = flags_of(*line.route);
    rows.push_back({std::string(http::to_string(line.route->method)), std::string(line.path),
                    line.route->plugin, std::string(access_name(line.route->access)),
                    std::string(options.resource), options.shard.empty() ? "-" : std::string(options.shard),
                    flags.empty() ? "-" : fmt::format("{}", fmt::join(flags, ","))});
  }
  std::array<std::size_t, kColumns> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i) {
      text += fmt::format("{:<{}}  ", row[i], widths[i]);
    }
    text += row.back() + '\n';
  }
  return text;
}

std::string routes_as_json(const std::vector<http::Route>& routes) {
  auto list = nlohmann::json::array();
  for (const Line& line : lines_of(routes)) {
    const auto& options = line.route->options;
    list.push_back({{"method", http::to_string(line.route->method)},
                    {"path", line.path},
                    {"plugin", line.route->plugin},
                    {"access", access_name(line.route->access)},
                    {"resource", options.resource},
                    {"shard", options.shard},
                    {"name", options.name},
                    {"spec", options.spec},
                    {"flags", flags_of(*line.route)}});
  }
  return list.dump(1) + '\n';
}

}  // namespace lares::ctl
