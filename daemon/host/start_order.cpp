// SPDX-License-Identifier: Apache-2.0
#include <host/start_order.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace lares::host {
namespace {

bool contains(const auto& list, const std::string& value) {
  return std::ranges::find(list, value) != list.end();
}

std::string missing(std::span<const OrderedPlugin> plugins, const OrderedPlugin& plugin,
                    const std::string& id) {
  std::vector<std::string> inactive;
  for (const auto& other : plugins) {
    if (!other.active && contains(other.provides, id)) {
      inactive.push_back(other.name);
    }
  }
  if (inactive.empty()) {
    return fmt::format(
        "{}: the plugin \"{}\" needs {}, which no installed plugin provides. Install the one that does, or "
        "remove this one.",
        plugin.file, plugin.name, id);
  }
  return fmt::format(
      "{}: the plugin \"{}\" needs {}, which \"{}\" would provide; the configuration of this process does "
      "not "
      "activate it. Change the configuration, or remove this plugin.",
      plugin.file, plugin.name, id, fmt::join(inactive, "\" or \""));
}

// A circle among plugins that all wait for each other: following the first unmet need must come back.
std::string circle(std::span<const OrderedPlugin> plugins,
                   const std::map<std::size_t, std::set<std::size_t>>& waiting) {
  std::vector<std::size_t> path{waiting.begin()->first};
  for (;;) {
    const auto next = *waiting.at(path.back()).begin();
    if (const auto seen = std::ranges::find(path, next); seen != path.end()) {
      path.erase(path.begin(), seen);
      path.push_back(next);
      break;
    }
    path.push_back(next);
  }
  std::vector<std::string> names;
  std::vector<std::string> files;
  for (const auto index : path) {
    names.push_back(plugins[index].name);
    files.push_back(plugins[index].file);
  }
  files.pop_back();
  return fmt::format(
      "{}: these plugins need each other in a circle: {}. One of them has to look the other up at the call "
      "(`uses`): install plugins of one release.",
      fmt::join(files, ", "), fmt::join(names, " needs "));
}

}  // namespace

std::expected<std::vector<std::size_t>, std::vector<std::string>> start_order(
    std::span<const OrderedPlugin> plugins, std::span<const std::string> given) {
  std::map<std::string, std::vector<std::size_t>> providers;
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    if (plugins[i].active) {
      for (const auto& id : plugins[i].provides) {
        providers[id].push_back(i);
      }
    }
  }
  std::vector<std::string> errors;
  std::map<std::size_t, std::set<std::size_t>> waiting;
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    if (!plugins[i].active) {
      continue;
    }
    auto& before = waiting[i];
    for (const auto& id : plugins[i].needs) {
      if (const auto found = providers.find(id); found != providers.end()) {
        before.insert(found->second.begin(), found->second.end());
      } else if (!contains(given, id)) {
        errors.push_back(missing(plugins, plugins[i], id));
      }
    }
  }
  if (!errors.empty()) {
    return std::unexpected(std::move(errors));
  }

  std::vector<std::size_t> order;
  while (!waiting.empty()) {
    const auto by_name = [&plugins](const auto& a, const auto& b) {
      return plugins[a].name < plugins[b].name;
    };
    std::vector<std::size_t> ready;
    for (const auto& [index, before] : waiting) {
      if (before.empty()) {
        ready.push_back(index);
      }
    }
    if (ready.empty()) {
      return std::unexpected(std::vector{circle(plugins, waiting)});
    }
    const auto next = *std::ranges::min_element(ready, by_name);
    order.push_back(next);
    waiting.erase(next);
    for (auto& [index, before] : waiting) {
      before.erase(next);
    }
  }
  return order;
}

}  // namespace lares::host
